"""The tasks that come with FashionBench, and the data they are measured on."""
