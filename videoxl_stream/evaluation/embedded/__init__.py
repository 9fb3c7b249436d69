"""Everything that is promised of the embedded model, measured by one command: ``videoxl-stream eval embedded``."""
