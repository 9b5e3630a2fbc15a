"""How `report` works: the numbers of a match, drawn as SVG, on one page that needs nothing else."""
