"""Rendering: from geometry to antialiased photos and condition images."""
