"""How a match is corrected on a page: which places are doubtful, pictures by frame number, the server, the page."""
