"""Packages: interpreters, locks, the wheel store, merged environments; :class:`Packages` is the one to use.

Names are loaded when they are asked for: a process that only unpacks wheels should start quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.packages.bytecode import Compiler
    from hubkiln.packages.bytecode import Job as CompileJob
    from hubkiln.packages.closure import closure as closure_of
    from hubkiln.packages.conda import CondaPart, part_tree
    from hubkiln.packages.conda import partition as partition_prefix
    from hubkiln.packages.conda_prefixes import ACTIVATE
    from hubkiln.packages.conda_solve import have_rattler
    from hubkiln.packages.conda_values import CondaLock, CondaSettings
    from hubkiln.packages.cpython import KERNELS, is_kernel, is_two, number, settled, some
    from hubkiln.packages.interface import (
        CondaRequest,
        EnvironmentOnDisk,
        Layout,
        Lock,
        Locker,
        LockRequest,
        NeedsBuilding,
        PackageSettings,
        PostLink,
        Wheel,
        layout_for,
    )
    from hubkiln.packages.interpreters import OLDEST, find_interpreters, find_kernels
    from hubkiln.packages.interpreters import find as find_interpreter
    from hubkiln.packages.kernels import with_kernel
    from hubkiln.packages.over_conda import conda_python, unsolved_python
    from hubkiln.packages.packages import Packages
    from hubkiln.packages.prefix import prefix_tree
    from hubkiln.packages.python_choice import Choice
    from hubkiln.packages.simple_index import Index, IndexFile, SimpleIndex
    from hubkiln.packages.stack import ASKED as STACK
    from hubkiln.packages.stack import minors as stack_minors
    from hubkiln.packages.stack import preferred as preferred_stack
    from hubkiln.packages.store import WheelStore
    from hubkiln.packages.stores import package_stores
    from hubkiln.packages.tags import environment_for
    from hubkiln.packages.tools import index_address
    from hubkiln.packages.tools import uv as find_uv
    from hubkiln.packages.wheels import plan_wheel

__all__ = [
    "ACTIVATE",
    "KERNELS",
    "OLDEST",
    "STACK",
    "Choice",
    "CompileJob",
    "Compiler",
    "CondaLock",
    "CondaPart",
    "CondaRequest",
    "CondaSettings",
    "EnvironmentOnDisk",
    "Index",
    "IndexFile",
    "Layout",
    "Lock",
    "LockRequest",
    "Locker",
    "NeedsBuilding",
    "PackageSettings",
    "Packages",
    "PostLink",
    "SimpleIndex",
    "Wheel",
    "WheelStore",
    "closure_of",
    "conda_python",
    "environment_for",
    "find_interpreter",
    "find_interpreters",
    "find_kernels",
    "find_uv",
    "have_rattler",
    "index_address",
    "is_kernel",
    "is_two",
    "layout_for",
    "number",
    "package_stores",
    "part_tree",
    "partition_prefix",
    "plan_wheel",
    "preferred_stack",
    "prefix_tree",
    "settled",
    "some",
    "stack_minors",
    "unsolved_python",
    "with_kernel",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
