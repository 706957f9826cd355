"""Finished runs scored anew: under other settings, and on other data."""
