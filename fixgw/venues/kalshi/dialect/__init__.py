"""Kalshi's messages, one module a subject; ``kalshi.messages`` has them all."""
