"""The general step vocabulary that ships with the package."""
