"""Layers, networks and averages: torch alone, nothing of gankit."""
