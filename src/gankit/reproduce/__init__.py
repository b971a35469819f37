"""Reproduce published results by their own protocols."""
