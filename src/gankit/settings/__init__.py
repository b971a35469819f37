"""Settings: what they are, how they are checked, how they are written."""
