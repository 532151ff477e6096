"""Hubkiln: any image or repository as a JupyterHub environment, built while the user watches."""

from importlib.metadata import version

__version__ = version("hubkiln")
