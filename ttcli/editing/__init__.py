"""What editors of video are given: films of the rallies, and lists of them."""
