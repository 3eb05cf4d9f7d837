"""Where a session survives: one protocol, the tape on disk, and a store in memory."""
