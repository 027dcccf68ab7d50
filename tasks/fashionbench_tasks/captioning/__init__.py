"""Captioning tasks."""
