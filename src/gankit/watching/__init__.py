"""Runs while they train, as a page from a server of this machine."""
