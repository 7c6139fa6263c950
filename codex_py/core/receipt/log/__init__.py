"""What the log says: commands, test runs and files, as facts."""
