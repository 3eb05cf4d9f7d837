"""Typed FIX 5.0SP2 messages that several venues share."""
