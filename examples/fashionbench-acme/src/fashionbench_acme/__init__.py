"""Acme's plugin for FashionBench: a task, its data set, and a backend."""
