"""The real application in memory."""

from serving import serve, service

__all__ = ["serve", "service"]
