"""Labels of balls and events, and the file formats that hold them: one module for each format."""
