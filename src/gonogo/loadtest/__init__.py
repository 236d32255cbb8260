"""Load: open-loop arrivals, exact latencies, reconciliation of every message."""
