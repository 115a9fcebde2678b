"""What the harness costs, measured through its public face. ``python -m benchmarks`` prints tables and writes JSON.

The machines these run on are noisy: compared things are interleaved in one run, and ratios of medians are what counts.
"""
