"""fixgw."""
