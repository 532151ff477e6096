"""Ports for tests."""

from hubkiln.processes import free_port

__all__ = ["free_port"]
