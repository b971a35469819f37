"""Training: devices, updates, checkpoints, budgets and the loop that ties them together."""
