import sys
from pathlib import Path

# The small project and the running sandbox of the tests of runs.
sys.path.insert(0, str(Path(__file__).parents[1] / "run"))
