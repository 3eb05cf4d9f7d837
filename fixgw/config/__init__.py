"""The configuration file: read, checked, and turned into the engine's settings."""
