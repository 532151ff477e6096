"""Conda packages: specs become a lock, a lock becomes a prefix, a prefix falls into parts for layers.

The door to the files named ``conda_*`` beside this one. Whether a recipe needs conda at all is ``recipes``' to say;
what is done with the parts is the composer's.
"""

from hubkiln.packages.conda_archives import Progress
from hubkiln.packages.conda_install import Installed, install_conda
from hubkiln.packages.conda_parts import part_tree, partition, python_distributions
from hubkiln.packages.conda_prefixes import CondaPrefixes
from hubkiln.packages.conda_solve import have_rattler, lock_conda
from hubkiln.packages.conda_values import CondaLock, CondaPackage, CondaPart, CondaSettings, parse_lock

__all__ = [
    "CondaLock",
    "CondaPackage",
    "CondaPart",
    "CondaPrefixes",
    "CondaSettings",
    "Installed",
    "Progress",
    "have_rattler",
    "install_conda",
    "lock_conda",
    "parse_lock",
    "part_tree",
    "partition",
    "python_distributions",
]
