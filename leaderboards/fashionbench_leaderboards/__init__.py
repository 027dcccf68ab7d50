"""The boards that come with FashionBench, and the formats that boards are written in."""
