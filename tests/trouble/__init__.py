"""Bad input and trouble, end to end over TLS on this machine: each ends in words that help a person."""
