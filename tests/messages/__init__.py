"""Tests of the shared messages."""
