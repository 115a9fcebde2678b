"""What a test writes with: given (factories, snapshots), then (table asserts, golden files), and why it failed."""
