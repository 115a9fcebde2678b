"""One update of a declarative pipeline, in the process of a task."""
