"""Tests of ``fixgw.config``."""
