"""A folder of pages about boards: an index, a page a board, and a page behind each value."""
