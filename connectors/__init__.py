"""Where frames come from and events go."""
