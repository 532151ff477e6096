"""Packages: interpreters, locks, the wheel store, merged environments; :class:`Packages` is the one object to use."""

from hubkiln.packages.interface import EnvironmentOnDisk
from hubkiln.packages.packages import Packages

__all__ = ["EnvironmentOnDisk", "Packages"]
