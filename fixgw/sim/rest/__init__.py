"""The REST side of the venue: what it says of an account, from the ledger."""
