"""One program a peer: each is the acceptor in one process and the initiator in another."""
