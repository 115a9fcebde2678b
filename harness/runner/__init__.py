"""Threads in the workspace process that make a submitted run happen."""
