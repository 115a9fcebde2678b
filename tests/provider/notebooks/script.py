"""A plain Python file: prints the arguments it was given."""

import sys

print("arguments:", *sys.argv[1:])
