"""How `detect` works: the ball in every frame of a video, from the jobs that are planned to the files that are written."""
