"""Measurements from outside → tidy frames in which every flaw of the data stays visible."""
