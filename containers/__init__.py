"""What runs in containers: the harness's own image, MinIO's, and the tests that need a Docker engine."""
