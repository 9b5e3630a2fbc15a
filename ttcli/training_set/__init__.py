"""Sets of labelled windows on disk: how `extract` makes them, and how training reads them."""
