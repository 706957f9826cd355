"""Hydra plugin: the launcher of sweeps."""
