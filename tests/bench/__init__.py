"""Tests of the benchmark: what it counts and how it judges."""
