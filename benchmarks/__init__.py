"""Measurements of poco, each printed by one command."""
