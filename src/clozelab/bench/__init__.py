"""The throughput benchmark: clozelab against its peers on the same work."""
