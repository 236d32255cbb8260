"""Where a change of state is told."""
