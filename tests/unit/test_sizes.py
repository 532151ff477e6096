"""Modules and functions stay small enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/hubkiln"
MODULE, FUNCTION = 300, 50
"""Lines. A good size is a fifth of that; what comes near has another noun in it."""


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All below `node`, functions among them; what is inside of an expression is passed over, which takes long."""
    for below in ast.iter_child_nodes(node):
        if not isinstance(below, ast.expr):
            yield below
            yield from statements(below)


def test_no_module_and_no_function_is_long() -> None:
    """Migrations are history, and stay as they are."""
    long = []
    for path in SOURCE.rglob("*.py"):
        if "migrations" in path.parts:
            continue
        text = path.read_text()
        if text.count("\n") > MODULE:
            long.append(f"{path}: {text.count(chr(10))} lines")
        if text.count("\n") <= FUNCTION:
            continue
        for node in statements(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION:
                    long.append(f"{path}: {node.name}, {lines} lines")
    assert long == []
