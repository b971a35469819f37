"""Serve trained generators over HTTP: a queue that batches requests, and a thin layer around it."""
