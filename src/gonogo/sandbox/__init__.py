"""Small real systems with switchable faults, used as the systems under test."""
