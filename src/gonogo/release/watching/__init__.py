"""The parts of a watch: what is observed, how rules are judged, what is written down, and what a trigger leads to."""
