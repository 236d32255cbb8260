"""Cases → feature text and manifest, feature files → scenarios, and whether the two still agree."""
