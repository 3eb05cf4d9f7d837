"""``fixgw demo``: a desk, a market maker and the whole venue in one command."""
