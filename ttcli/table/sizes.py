"""How large a table is. ITTF, The Laws of Table Tennis, 2.1 and 2.2; metres."""

TABLE_LENGTH, TABLE_WIDTH, TABLE_HEIGHT = 2.74, 1.525, 0.76
NET_HEIGHT, NET_OVERHANG = 0.1525, 0.1525
BALL_RADIUS = 0.02
