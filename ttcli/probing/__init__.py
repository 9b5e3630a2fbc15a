"""How `probe` works: what a few pictures show about a video, and what that means for the result."""
