"""The job that proves that no fill was missed: two sides of the same executions, compared."""
