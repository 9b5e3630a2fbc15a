"""How `evaluate` works: what was found against what is true."""
