"""Ready-made pipeline definitions."""
