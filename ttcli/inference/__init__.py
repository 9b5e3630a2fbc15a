"""Frames through networks: windows in, what the networks propose for each frame out."""
