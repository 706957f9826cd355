"""Configurations: composed by Hydra, checked as a whole, instantiated from an allow-list."""
