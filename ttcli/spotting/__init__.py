"""Events on the ball's path: bounces and passings of the net, told by the path alone, without pixels."""
