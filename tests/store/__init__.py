"""The stores: memory and tape."""
