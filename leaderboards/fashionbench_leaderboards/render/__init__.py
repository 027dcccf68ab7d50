"""Renderers of boards, one module a file format."""
