"""The face of a package: the names in its ``__init__``, loaded when they are asked for.

Others import a package and no module of it. If the package loaded everything it offers at once, whoever needs one
name would wait for all of them; a command line must not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module


def lazily(package: str) -> Callable[[str], object]:
    """
    ``__getattr__`` for `package`: loads what its ``__init__`` imports below ``if TYPE_CHECKING:``.

    That block is the only list of what is where: type checkers read it, and so do we, once, when a name is first
    asked for.
    """
    places: dict[str, tuple[str, str]] = {}

    def get(name: str) -> object:
        if not places:
            places.update(_places(package))
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, its_name = places[name]
        found = getattr(import_module(module), its_name)
        setattr(sys.modules[package], name, found)  # the next time it is there
        return found

    return get


def _places(package: str) -> dict[str, tuple[str, str]]:
    """Where each name of `package` is: its module, and what it is called there."""
    import ast
    from pathlib import Path

    file = sys.modules[package].__file__
    assert file is not None
    blocks = (node for node in ast.parse(Path(file).read_text()).body if isinstance(node, ast.If))
    imports = (node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom) and node.module)
    return {alias.asname or alias.name: (str(node.module), alias.name) for node in imports for alias in node.names}
