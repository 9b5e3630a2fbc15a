"""How `render` works: what is drawn on the frames of a video."""
