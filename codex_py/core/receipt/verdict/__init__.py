"""What the log says of a claim: supported, unverified or contradicted."""
