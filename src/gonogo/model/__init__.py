"""Frozen data and pure rules: cases, plans, outcomes, expectations, decisions."""
