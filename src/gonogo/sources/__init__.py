"""Files that people write → model, with file, line and column on every problem."""
