"""The only place where tasks live: links, the supervisor, the acceptor and the gateway."""
