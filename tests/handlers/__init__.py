"""Routing and books."""
