"""When the ball is in play."""
