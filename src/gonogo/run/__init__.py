"""Planned set, flags, send-ahead, outcomes and reconciliation of one run."""
