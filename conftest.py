"""The harness's fixtures for every test here; an installed harness needs no such line."""

pytest_plugins = ["harness.plugin"]
