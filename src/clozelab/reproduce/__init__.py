"""Finished runs once more: what differs from then, and whether the same comes out."""
