"""What nobody chooses: how large the table, its net and the ball are, and how fast things fall; metres and seconds.

Sizes: ITTF, The Laws of Table Tennis, 2.1 and 2.2.
"""

TABLE_LENGTH, TABLE_WIDTH, TABLE_HEIGHT = 2.74, 1.525, 0.76
NET_HEIGHT, NET_OVERHANG = 0.1525, 0.1525
BALL_RADIUS = 0.02
GRAVITY = 9.81
"""Metres per second squared."""
