"""What a path shows about strokes: flights in space, fitted to sightings on the picture."""
