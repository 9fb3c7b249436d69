"""Measures: parity with the original, footage with ground truth, benchmarks."""
