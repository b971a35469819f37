"""Feature networks, in whose features scores are measured."""
