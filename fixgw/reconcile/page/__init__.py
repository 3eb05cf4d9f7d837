"""The report as one page that stands by itself."""
