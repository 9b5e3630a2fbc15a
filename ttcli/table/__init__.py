"""The table on the picture: found by a network, understood as a camera that looks at it."""
