"""The commands; thin renderings of what the floors below can do."""
