"""Where curves go: the run directory, and dashboards."""
