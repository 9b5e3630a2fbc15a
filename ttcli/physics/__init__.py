"""How a table tennis ball moves, for those who throw one and those who look at one alike."""
