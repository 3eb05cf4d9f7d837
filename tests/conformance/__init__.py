"""Scripts that play the FIX session layer test cases against the session and the engine."""
