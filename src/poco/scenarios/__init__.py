"""Single features of the market, each told as a story on a chain of its own with real processes."""
