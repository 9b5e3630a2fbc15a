"""Networks: by which names they are built, what they are fed, what their answers mean, and the files that keep them."""
