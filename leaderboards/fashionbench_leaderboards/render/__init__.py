"""One module a file format; each turns a board into text."""
