"""Published results again, by their own protocols."""
