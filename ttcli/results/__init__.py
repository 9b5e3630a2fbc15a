"""The files that ttcli writes about a video, and what they hold."""
