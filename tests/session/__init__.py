"""The session machine, alone and against itself."""
