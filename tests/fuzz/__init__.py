"""Fuzzing: targets, their corpora, and the guided runs; see README.md."""
