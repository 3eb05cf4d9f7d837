"""Tests of ``fixgw.admin``."""
