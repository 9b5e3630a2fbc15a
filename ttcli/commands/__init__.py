"""The commands, a few of a kind in each module: options -> config -> pipeline -> summary. Nothing is computed here."""
