"""Tests of ``fixgw.observe``."""
