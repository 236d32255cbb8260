"""One deployed system behind one interface."""
