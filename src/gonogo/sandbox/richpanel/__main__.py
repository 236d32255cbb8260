"""Entry point of `python -m gonogo.sandbox.richpanel`."""

import sys

from gonogo.sandbox.richpanel.cli import main

if __name__ == "__main__":
    sys.exit(main())
