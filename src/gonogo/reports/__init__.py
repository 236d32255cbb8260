"""Renderings of model data; nothing here decides."""
