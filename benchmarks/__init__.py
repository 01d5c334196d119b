"""What is fast, measured beside what a user would use instead. `python -m benchmarks --help`."""
