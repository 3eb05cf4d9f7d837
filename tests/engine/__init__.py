"""The engine: links, supervisor, acceptor, gateway."""
