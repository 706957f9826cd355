"""Lightning callbacks: checkpoints, curves, progress."""
