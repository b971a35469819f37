"""Playing the game: devices, updates, checkpoints, budgets and the loop that ties them."""
