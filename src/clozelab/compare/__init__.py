"""Finished runs side by side: seeds aggregated, and whether a difference is real. Free of torch."""
