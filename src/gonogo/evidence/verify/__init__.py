"""Verification of a bundle: every fault at once, offline, from nothing but the bundle and the trust file."""
