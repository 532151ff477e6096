"""
How the house is built, in figures: sizes, who imports whom and through which door, what lies loose.

``python benchmarks/house.py [FOLDER]`` measures a checkout, this one unless another is named. The figures in
docs/explanation/architecture.md are from it; migrations are left out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Import:
    """``from hubkiln.<module> import …`` somewhere."""

    at: tuple[str, ...]
    """Parts of the importing module's path below ``src/hubkiln``."""
    of: tuple[str, ...]
    """Parts of the imported module's name, without ``hubkiln``."""


class House:
    """The modules of a checkout."""

    def __init__(self, checkout: Path) -> None:
        self.root = checkout / "src/hubkiln"
        self.files = [path for path in sorted(self.root.rglob("*.py")) if "migrations" not in path.parts]
        self.trees = {path: ast.parse(path.read_text()) for path in self.files}
        self.lines = {path: path.read_text().count("\n") for path in self.files}

    def functions(self) -> list[int]:
        """Lines of each function, docstrings and decorators' targets included."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        nodes = (node for tree in self.trees.values() for node in ast.walk(tree))
        return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in nodes if isinstance(node, kinds)]

    def imports(self) -> Iterator[Import]:
        """All of our own."""
        for path, tree in self.trees.items():
            at = path.relative_to(self.root).with_suffix("").parts
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hubkiln."):
                    yield Import(at, tuple(str(node.module).split(".")[1:]))

    def rooms(self, *inside: str) -> set[str]:
        """The packages in a folder."""
        return {path.parent.name for path in self.root.joinpath(*inside).glob("*/__init__.py")}

    def between(self, *inside: str) -> list[Import]:
        """Imports from one room of a folder into another; the folder's own ``__init__`` is no room."""
        rooms, depth = self.rooms(*inside), len(inside)
        found = [one for one in self.imports() if one.at[:depth] == inside == one.of[:depth]]
        found = [one for one in found if len(one.of) > depth and one.of[depth] in rooms]
        return [one for one in found if one.at[depth] != one.of[depth] and one.at[depth] != "__init__"]


def report(house: House) -> Iterator[str]:
    """A line for each figure."""
    lines, functions = sorted(house.lines.values()), sorted(house.functions())
    yield f"modules: {len(lines)}; lines {spread(lines)}"
    yield f"functions: {len(functions)}; lines {spread(functions)}; over 50 lines: {sum(n > 50 for n in functions)}"
    for name, inside in (("packages", ()), ("rooms of the composer", ("composer",))):
        found = house.between(*inside)
        depth = len(inside)
        faces = [one for one in found if len(one.of) == depth + 1 or one.of[-1] == "interface"]
        known = {one.of for one in found} - {one.of for one in faces}
        arrows = {(one.at[depth], one.of[depth]) for one in found}
        yield (
            f"{name}: {len(house.rooms(*inside))}; imports between them {len(found)}, through a face {len(faces)}; "
            f"other modules known {len(known)}; arrows {len(arrows)}"
        )
    shares = {
        room: sum(n for path, n in house.lines.items() if house.root / room in path.parents) for room in house.rooms()
    }
    largest = max(shares, key=lambda room: shares[room])
    yield f"largest package: {largest}, {100 * shares[largest] / sum(lines):.0f} % of all lines"
    loose = [path.name for path in (house.root / "composer").glob("*.py") if path.name != "__init__.py"]
    yield f"loose modules in the composer: {len(loose)}"


def spread(numbers: Sequence[int]) -> str:
    """Median, 90th percentile and largest of sorted `numbers`."""
    return f"median {median(numbers):.0f}, p90 {numbers[int(len(numbers) * 0.9)]}, largest {numbers[-1]}"


if __name__ == "__main__":
    for line in report(House(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])):
        print(line)
