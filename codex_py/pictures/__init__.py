"""Pictures: what kinds there are, and the program that decodes them apart from everything."""
