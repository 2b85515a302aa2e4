"""HTTP calls to a vendor: one deadline, safe retries, pooled connections."""
