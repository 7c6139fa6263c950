"""What a final message claims: prose parted into clauses, and claims found in them."""
