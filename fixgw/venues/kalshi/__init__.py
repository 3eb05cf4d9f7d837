"""Kalshi: six session kinds over FIXT.1.1, Logon signed with the API key."""
