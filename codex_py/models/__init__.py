"""Models: clients for each wire, the catalogue, and a scripted model."""
