"""Step definitions of the systems here; thin: parse, look at what was observed, return a verdict."""
