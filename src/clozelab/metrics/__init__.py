"""Scores with a named definition."""
