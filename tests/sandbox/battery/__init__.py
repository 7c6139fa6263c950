"""The escape and usability battery: real attacks and real work, judged from outside the sandbox."""
