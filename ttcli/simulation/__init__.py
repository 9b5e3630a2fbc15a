"""A table tennis match that never happened: the ball's physics, rallies, and what a camera sees of them."""
