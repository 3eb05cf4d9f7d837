"""Tests of the fix room."""
