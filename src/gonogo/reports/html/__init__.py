"""The page of a bundle: its data, and the one self-contained HTML file that shows them."""
