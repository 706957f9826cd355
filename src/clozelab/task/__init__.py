"""Objectives: what the encoder is trained to do."""
