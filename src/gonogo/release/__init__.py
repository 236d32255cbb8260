"""A release as data: the ladder, what is decided and entered, watched and rolled back."""
