"""A venue one can trade against: matching engine, ledger, FIX reports, keys and listeners."""
