"""Counterparties: their facts, their signers and their own messages."""
