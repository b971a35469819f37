"""Scores of a run, each with its protocol."""
