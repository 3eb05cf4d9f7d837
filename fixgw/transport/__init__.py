"""Who makes a stream of bytes: TCP, TLS, or memory for tests."""
