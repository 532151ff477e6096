"""The part that runs inside JupyterHub: spawn page, choice of profiles, image policy."""

from hubkiln.hub.plugin import setup

__all__ = ["setup"]
