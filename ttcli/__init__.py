"""Find the ball in table-tennis video."""

__version__ = "0.1.0"
