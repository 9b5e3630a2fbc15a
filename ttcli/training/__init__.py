"""How `train` works: windows drawn or read, changed by chance, learned from, and what a run leaves behind."""
