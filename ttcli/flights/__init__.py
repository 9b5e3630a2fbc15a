"""What a path tells of strokes: flights in space, fitted to sightings on the picture."""
