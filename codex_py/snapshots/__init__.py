"""What files held before each step: kept outside the workspace, standard library only."""
