"""How `report` works: what is told of a match, drawn as SVG, on one page that needs nothing else."""
