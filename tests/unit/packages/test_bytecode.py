"""Byte code is the same whatever was compiled before it, in every Python of this machine."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import pytest

from hubkiln.packages.bytecode import Compiler, Job
from hubkiln.packages.interpreters import find_interpreters
from hubkiln.trees import MTIME
from hubkiln.values import Interpreter

SOURCES: dict[str, str | bytes] = {
    "beyond.py": "ä = 1\nñandú = ä\n",
    "said.py": "unicodedata = 'lookup'\nnormalize = category = 'decimal'\n",
    "cookie.py": b"# coding: cp1252\nx = '\xe4'\n",
    "second.py": b"#!/usr/bin/python\n# -*- coding: koi8-r -*-\nx = '\xe4'\n",
    "codecs.py": "cp1252 = 'cp1252'\nkoi8_r = ('koi8_r', 'charmap_encode', 'decoding_table')\n",
    "broken.py": "def broken(attrs, newl='newl'): return (\n",
    "after.py": "class After:\n    def attrs(self, newl): return dict(attrs=newl)\n",
    "unknown.py": "# coding: nonesuch\nnonesuch = 1\n",
    "warned.py": "x = '\\d'\nassert (1, 'x')\nfilters = x is 'a'\n",
    "sets.py": "def f(x): return x in {None, 'a', 'b', 'c'} or x in {'d', 'e', 1, 2.5}\n",
    "characters.py": "def f(x): return x.startswith('}') or x == 'a' or x == ''\n",
    "deep.py": "x = " + "-" * 5000 + "1\n",
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files that leave traces in a compiler and files that would show them, among ordinary ones."""
    folder = tmp_path_factory.mktemp("sources")
    for name, text in SOURCES.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    library = Path(sysconfig.get_paths()["stdlib"])
    return [*(folder / name for name in SOURCES), *sorted(library.glob("*.py"))[:60], *sorted(library.glob("e*/*.py"))]


def pythons() -> list[Interpreter]:
    """One of each minor version."""
    return list({python.minor: python for python in asyncio.run(find_interpreters())}.values())


def compiled(python: Interpreter, order: Iterable[Path], folder: Path) -> dict[str, bytes | None]:
    """The byte code of each file, all compiled by one process in this order."""
    folder.mkdir()
    jobs = [Job(str(path), f"/{path.name}", str(folder / f"{path.parent.name}-{path.name}c")) for path in order]
    with Compiler(python) as compiler:
        made = list(compiler.compile(jobs))
    return {job.source: Path(job.target).read_bytes() if done else None for job, done in zip(jobs, made, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("python", pythons(), ids=lambda python: python.version)
def test_the_order_changes_nothing(python: Interpreter, sources: list[Path], tmp_path: Path) -> None:
    """Nor does a second process, which has other addresses."""
    first = compiled(python, sources, tmp_path / "first")
    assert sum(data is None for data in first.values()) < 20
    for seed in range(2):
        order = random.Random(seed).sample(sources, len(sources))
        assert compiled(python, order, tmp_path / str(seed)) == first


def test_python_2_compiles_beside_its_sources(tmp_path: Path) -> None:
    """What it writes is what it reads, the same in any order; what is for Python 3 alone is left."""
    found = asyncio.run(find_interpreters("2.7"))
    if not found:
        pytest.skip("this machine has no Python 2.7")
    sources = {"two.py": "print 'two'\r\n", "three.py": "def f(*, a): pass\n", "both.py": "x = u'\xe4'  # -*-\n"}
    sources |= {"said.py": "# coding: utf-8\nx = {'a': 1, 'b': (None, 'a')}\n"}
    for name, text in sources.items():
        (tmp_path / name).write_bytes(text.encode())
        os.utime(tmp_path / name, (MTIME, MTIME))
    files = [tmp_path / name for name in sources]
    first, second = (compiled(found[0], order, tmp_path / str(n)) for n, order in enumerate((files, files[::-1])))
    assert first == second
    assert {Path(name).name for name, data in first.items() if data} == {"two.py", "said.py"}
    (tmp_path / "two.pyc").write_bytes(first[str(tmp_path / "two.py")] or b"")
    done = subprocess.run([found[0].path, "-v", "-c", "import two"], cwd=tmp_path, capture_output=True, text=True)
    assert "import two # precompiled from two.pyc" in done.stderr and done.stdout == "two\n"
