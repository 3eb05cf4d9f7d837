"""Tests, one directory a room."""
