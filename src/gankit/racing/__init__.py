"""`gankit race`: the recipe that fits a data set best, found by trying recipes within a budget."""
