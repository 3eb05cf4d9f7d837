"""What may leave: guards between the desk and the wire."""
