"""Front-ends: each shows entries and deltas, and answers questions."""
