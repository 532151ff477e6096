"""Wheels of source: found, fetched and built."""
