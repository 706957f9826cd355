"""Using a finished run: what its task means, for texts that have no labels."""
