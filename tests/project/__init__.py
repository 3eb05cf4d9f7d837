"""Tests of the project itself: budgets, exports, packaging."""
