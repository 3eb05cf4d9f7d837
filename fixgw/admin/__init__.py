"""Local control of a running gateway: JSON lines over a unix socket, server and client."""
