"""Checklists that teams write as Markdown, read into items; and the bindings that say how each item is answered."""
