"""Encoders: wrapped Hugging Face models, and the probe that says whether they may be packed."""
