"""What the DAGs of the green energy pipeline share."""
