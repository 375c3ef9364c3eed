"""Benchmarks: each prints a ratio against a stated reference that is measured in the same run."""
