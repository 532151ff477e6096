"""A whole hub on one machine, started and ended by one process."""

from hubkiln.up.settings import UpSettings
from hubkiln.up.supervisor import up

__all__ = ["UpSettings", "up"]
