"""What users plug in, and the books that the library keeps for them; venue-neutral."""
