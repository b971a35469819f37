"""Feature networks: what scores are measured in."""
