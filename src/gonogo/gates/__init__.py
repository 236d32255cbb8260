"""Measurements and thresholds → gate results; pure: no files, no clock, no randomness of its own."""
