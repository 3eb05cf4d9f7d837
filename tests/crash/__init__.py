"""The crash proof: `fixgw run` is killed again and again, and the venue's own account is the judge."""
