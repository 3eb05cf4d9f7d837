"""Bytes to FIX messages and back: pure functions, no clock, no I/O."""
