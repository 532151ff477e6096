"""Hubkiln: any image or repository as a JupyterHub environment, built while the user watches."""

__version__ = "0.1.0"
