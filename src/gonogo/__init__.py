"""gonogo turns what a release team writes into executable checks and ends in a decision."""
