"""UniFashion (arXiv 2408.11305): one Q-Former for retrieval, composition, captions and images of fashion."""
