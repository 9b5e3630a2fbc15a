"""How `probe` works: what a few pictures tell of a video, and what that means for the result."""
