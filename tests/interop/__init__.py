"""Tests of what the interoperability runs count with."""
