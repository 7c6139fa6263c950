"""The core: one log, one loop. It knows no front-end, no provider and no settings file."""
