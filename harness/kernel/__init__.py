"""What runs inside the process of one task: cells, dbutils, magics, display."""
