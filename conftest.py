"""Loads the plugin by which pytest collects and runs features; no logic."""

pytest_plugins = ["gonogo.run.plugin"]
