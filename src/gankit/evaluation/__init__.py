"""How good a run is, how sure that is, and what ails it: all of it from the run directory."""
