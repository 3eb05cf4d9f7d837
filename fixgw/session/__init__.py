"""The FIXT.1.1 session as a function of its arguments, both roles."""
