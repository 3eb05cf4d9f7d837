"""Runs fixgw against other engines, in both directions, and counts every message at both ends."""
