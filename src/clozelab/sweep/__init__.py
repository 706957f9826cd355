"""Many runs as one command."""
