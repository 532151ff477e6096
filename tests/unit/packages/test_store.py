"""The store of unpacked wheels."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import py_compile
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln import processes
from hubkiln.data_dir import DataDir
from hubkiln.errors import UserError
from hubkiln.packages.archive import BadWheel, chunks
from hubkiln.packages.bytecode import Compiler, Job
from hubkiln.packages.interface import PackageSettings, Wheel
from hubkiln.packages.start_list import start_list
from hubkiln.packages.store import WheelStore
from hubkiln.trees import MTIME, Member, Source
from hubkiln.values import BYTECODE, PREFIX, Interpreter
from index_server import Index
from wheels import make_wheel

SOURCES = {
    "tiny/__init__.py": "NAMES = {'a', 'b', 'c'}\ndef f(x): return x in {'one', 'two', 'three', 'four'}\n",
    "tiny/broken.py": "def (:\n",
    "tiny/empty.py": "",
    "tiny/tests/test_it.py": "x = 1\n",
    "tiny/data.txt": "hello",
}


def quiet(text: str) -> None:
    """Say nothing."""


@pytest.fixture
def store(data: DataDir) -> WheelStore:
    """An empty store."""
    return WheelStore(data.own("trees"), data.own("wheels"), PackageSettings())


@pytest.fixture
def tiny(index: Index, wheelhouse: Path) -> Wheel:
    """A small package with a script."""
    wheel = make_wheel(wheelhouse, files=SOURCES, entry_points="[console_scripts]\nhello = tiny:f\n")
    return index.wheel(wheel)


@pytest.fixture
def site(python: Interpreter) -> str:
    """Where modules lie below the prefix."""
    return f"lib/python{python.minor}/site-packages"


def walk(tree: Path) -> Iterator[Path]:
    """Everything below `tree`, sorted."""
    return iter(sorted(tree.rglob("*")))


async def test_a_wheel_is_unpacked_below_the_prefix(
    store: WheelStore, tiny: Wheel, python: Interpreter, site: str
) -> None:
    """Files, modes and times are fixed, whatever the machine's umask and clock."""
    before = os.umask(0o077)
    try:
        tree = (await store.ensure([tiny], python, quiet))[tiny]
    finally:
        os.umask(before)
    assert (tree / site / "tiny/data.txt").read_text() == "hello"
    assert (tree / "bin/hello").stat().st_mode & 0o777 == 0o755
    for path in walk(tree):
        assert path.stat().st_mode & 0o777 in ((0o755,) if path.is_dir() else (0o644, 0o755))
        assert path.is_dir() or path.stat().st_mtime == MTIME


async def test_of_the_stack_only_what_a_start_loads_is_compiled(
    store: WheelStore, index: Index, wheelhouse: Path, python: Interpreter, site: str
) -> None:
    """A module of a server's package that no server loads at its start is left to its first import."""
    files = {"traitlets/__init__.py": "X = 1\n", "traitlets/never_loaded.py": "Y = 1\n"}
    traitlets = index.wheel(make_wheel(wheelhouse, "traitlets", files=files))
    await store.ensure([traitlets], python, quiet)
    compiled = (await store.compiled([traitlets], python))[traitlets]
    cached = sorted(path.name.partition(".")[0] for path in (compiled / site / "traitlets/__pycache__").iterdir())
    assert cached == ["__init__"]


def test_another_list_is_another_kind_of_byte_code() -> None:
    """What was made by an older list is never taken for what a new one makes: the version names the list."""
    lines = "".join(f"{path}\n" for path in sorted(start_list()))
    assert BYTECODE.split()[-1] == hashlib.sha256(lines.encode()).hexdigest()[:8]


async def test_modules_are_compiled_for_the_interpreter(
    store: WheelStore, tiny: Wheel, python: Interpreter, site: str
) -> None:
    """
    Byte code is what Python accepts as current; tests and what cannot be compiled are left alone, and so is the tree.
    """
    tree = (await store.ensure([tiny], python, quiet))[tiny]
    files = {path: path.read_bytes() for path in walk(tree) if path.is_file()}
    compiled = (await store.compiled([tiny], python))[tiny]
    assert {path: path.read_bytes() for path in walk(tree) if path.is_file()} == files
    found = [path.relative_to(compiled / site).as_posix() for path in compiled.rglob("*") if path.is_file()]
    assert found == [f"tiny/__pycache__/__init__.cpython-{python.minor.replace('.', '')}.pyc"]
    shutil.copytree(compiled, tree, dirs_exist_ok=True)
    source = tree / site / "tiny/__init__.py"
    pyc = Path(importlib.util.cache_from_source(str(source)))
    made = pyc.read_bytes()
    assert made[:4] == importlib.util.MAGIC_NUMBER
    assert made[4:16] == bytes(4) + MTIME.to_bytes(4, "little") + source.stat().st_size.to_bytes(4, "little")
    assert f"/srv/conda/envs/notebook/{site}/tiny/__init__.py".encode() in made
    await processes.run([python.path, "-I", "-c", f"import sys; sys.path.append({str(tree / site)!r}); import tiny"])
    assert pyc.read_bytes() == made


async def test_modules_of_the_working_folder_are_not_ours(
    store: WheelStore, tiny: Wheel, python: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``hubkiln build .`` in a folder from elsewhere runs nothing of it outside the sandbox."""
    for name in ("json", "subprocess", "hubkiln"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')\n")
    monkeypatch.chdir(tmp_path)
    assert (await store.ensure([tiny], python, quiet))[tiny].is_dir()
    ended = await processes.run(processes.ended_with_us("true"))
    assert ended.code == 0 and not (tmp_path / "ran").exists()


async def test_every_file_is_in_the_record(store: WheelStore, tiny: Wheel, python: Interpreter, site: str) -> None:
    """So ``pip uninstall`` removes them; of byte code it knows by itself."""
    tree = (await store.ensure([tiny], python, quiet))[tiny]
    lines = (tree / site / "tiny-1.0.dist-info/RECORD").read_text().splitlines()
    named = {line.split(",")[0] for line in lines}
    assert {os.path.relpath(path, tree / site) for path in walk(tree) if not path.is_dir()} == named


@pytest.mark.slow
async def test_the_same_wheel_gives_the_same_bytes(
    tmp_path: Path, index: Index, wheelhouse: Path, python: Interpreter
) -> None:
    """Two stores, two orders, one result: byte for byte."""
    wheels = [
        index.wheel(make_wheel(wheelhouse, f"p{n}", files=SOURCES | {f"p{n}.py": "x={1,2,'a'}"})) for n in range(4)
    ]

    async def contents(name: str, order: list[Wheel]) -> dict[str, bytes]:
        data = DataDir(tmp_path / name).make()
        store = WheelStore(data.own("trees"), data.own("wheels"), PackageSettings())
        both = [await store.ensure(order, python, quiet), await store.compiled(order, python)]
        return {
            f"{wheel.name}/{path.relative_to(trees[wheel])}": path.read_bytes()
            for trees in both
            for wheel in wheels
            for path in walk(trees[wheel])
            if path.is_file()
        }

    assert await contents("one", wheels) == await contents("two", wheels[::-1])


async def test_a_layer_and_the_disk_hold_the_same(store: WheelStore, tiny: Wheel, python: Interpreter) -> None:
    """The tree for an image layer has every file that servers see, byte for byte, modules still in the wheel."""
    unpacked = (await store.ensure([tiny], python, quiet))[tiny]
    shutil.copytree((await store.compiled([tiny], python))[tiny], unpacked, dirs_exist_ok=True)
    entries = {entry.path: entry for entry in await store.tree(tiny, python)}
    below = {path: entry for path, entry in entries.items() if path.startswith(f"{PREFIX}/")}
    assert {path.relative_to(unpacked).as_posix() for path in walk(unpacked)} == {
        path.removeprefix(f"{PREFIX}/") for path in below
    }
    for path, entry in below.items():
        if entry.source is not None:
            on_disk = unpacked / path.removeprefix(f"{PREFIX}/")
            data = b"".join(_pieces(entry.source))
            assert (data, entry.mode) == (on_disk.read_bytes(), on_disk.stat().st_mode & 0o777)
    assert isinstance(entries[f"{PREFIX}/lib/python{python.minor}/site-packages/tiny/data.txt"].source, Member)


def _pieces(source: Source) -> Iterator[bytes]:
    if isinstance(source, Member):
        yield from chunks(source)
    else:
        yield source if isinstance(source, bytes) else source.read_bytes()


async def test_a_stored_wheel_is_not_touched_again(
    store: WheelStore, tiny: Wheel, python: Interpreter, index: Index
) -> None:
    """The second time there is nothing to fetch, to unpack or to say."""
    first = await store.ensure([tiny], python, quiet)
    said: list[str] = []
    assert await store.ensure([tiny], python, said.append) == first
    assert not said
    assert sum(index.wanted.values()) == 1


async def test_racing_stores_agree(data: DataDir, tiny: Wheel, python: Interpreter) -> None:
    """Several stores on one folder (as several processes are) end with one whole tree and no litter."""
    stores = [WheelStore(data.own("trees"), data.own("wheels"), PackageSettings()) for _ in range(4)]
    trees = await asyncio.gather(*(store.ensure([tiny], python, quiet) for store in stores))
    compiled = await asyncio.gather(*(store.compiled([tiny], python) for store in stores))
    assert all(tree == trees[0] for tree in trees) and all(tree == compiled[0] for tree in compiled)
    assert len(list(data.trees.iterdir())) == 2
    assert not list(data.work.iterdir())


async def test_a_bad_wheel_leaves_nothing(
    store: WheelStore, data: DataDir, index: Index, wheelhouse: Path, python: Interpreter
) -> None:
    """The error names it; no tree, no unfinished work stays."""
    bad = index.wheel(make_wheel(wheelhouse, "bad", files={"a.py": "", "../b.py": ""}))
    good = index.wheel(make_wheel(wheelhouse, "good"))
    with pytest.raises(BadWheel, match=r"bad-1\.0"):
        await store.ensure([bad, good], python, quiet)
    assert not list(data.work.iterdir())


async def test_cancelling_leaves_nothing(
    store: WheelStore, data: DataDir, index: Index, wheelhouse: Path, python: Interpreter
) -> None:
    """A cancelled build ends its threads and processes; no half tree is ever seen."""
    files = {f"m{n}.py": "x = [1, 2, 3]\n" * 200 for n in range(300)}
    wheels = [index.wheel(make_wheel(wheelhouse, f"p{n}", files=files)) for n in range(4)]
    begun = asyncio.Event()
    task = asyncio.create_task(store.ensure(wheels, python, quiet, lambda *_: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(data.work.iterdir())


async def test_who_compiles_for_later_ends_at_once(
    store: WheelStore, data: DataDir, index: Index, wheelhouse: Path, python: Interpreter, tmp_path: Path
) -> None:
    """However little of the machine it gets; half a tree does not stay, and nothing goes on behind."""
    telling, began = tmp_path / "bin/python", tmp_path / "bin/began"
    telling.parent.mkdir()
    telling.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exit\necho > {began}\nexec sleep 600\n')
    telling.chmod(0o755)
    os.mkfifo(began)
    began.chmod(0o666)
    compiler = replace(python, path=telling, roots=(telling.parent,))
    wheels = [index.wheel(make_wheel(wheelhouse, f"p{n}", files={f"p{n}.py": "x = 1\n"})) for n in range(2)]
    await store.ensure(wheels, python, quiet)
    task = asyncio.create_task(store.compiled(wheels, compiler, hurry=False))
    await asyncio.to_thread(began.read_bytes)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(60):
            await task
    assert not list(data.work.iterdir())
    assert set(data.trees.iterdir()) == {store.path(wheel, python) for wheel in wheels}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_files_are_given_away(data: DataDir, tiny: Wheel, python: Interpreter) -> None:
    """Where servers run as somebody else, everything in a tree is theirs."""
    store = WheelStore(data.own("trees"), data.own("wheels"), PackageSettings(), owner=(1234, 1235))
    tree = (await store.ensure([tiny], python, quiet))[tiny]
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in (tree, *walk(tree))} == {(1234, 1235)}
    compiled = (await store.compiled([tiny], python))[tiny]
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in (compiled, *walk(compiled))} == {(1234, 1235)}


async def test_a_wheel_built_here_is_taken_in(
    store: WheelStore, wheelhouse: Path, tmp_path: Path, python: Interpreter, site: str
) -> None:
    """A wheel made from an sdist is as good as one of the index, and stays after its folder is gone."""
    built = make_wheel(wheelhouse, "built")
    wheel = store.add_built(built)
    built.unlink()
    assert (wheel.name, wheel.version) == ("built", "1.0")
    tree = (await store.ensure([wheel], python, quiet))[wheel]
    assert (tree / site / "built.py").exists()


def test_a_built_wheel_is_checked(store: WheelStore, wheelhouse: Path, data: DataDir) -> None:
    """A sandbox can hand over anything; only wheels are taken."""
    with pytest.raises(UserError):
        store.add_built(make_wheel(wheelhouse, files={"../x": ""}))
    (wheelhouse / "x.whl").write_bytes(b"")
    with pytest.raises(UserError):
        store.add_built(wheelhouse / "x.whl")
    (wheelhouse / "y-1.0-py3-none-any.whl").symlink_to(make_wheel(wheelhouse, "y", filename="target.whl"))
    with pytest.raises(UserError, match="ordinary file"):
        store.add_built(wheelhouse / "y-1.0-py3-none-any.whl")
    assert not list(data.wheels.iterdir())
    assert not list(data.work.iterdir())


def test_compiling_never_runs_the_code(tmp_path: Path, python: Interpreter) -> None:
    """A module that would write a file when imported writes none."""
    marker = tmp_path / "marker"
    source = tmp_path / "evil.py"
    source.write_text(f"open({str(marker)!r}, 'w')\n")
    with Compiler(python) as compiler:
        assert list(compiler.compile([Job(str(source), "/evil.py", str(tmp_path / "evil.pyc"))])) == [True]
    assert not marker.exists()


@pytest.mark.parametrize("text", ["(" * 100_000, "x = " + "-" * 200_000 + "1", "\0", "# coding: nonsense\n"])
def test_source_that_breaks_compilers(tmp_path: Path, python: Interpreter, text: str) -> None:
    """Whatever it does to the compiling process, the next file is compiled."""
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_text(text)
    good.write_text("x = 1\n")
    first, last = (Job(str(good), "/good.py", str(tmp_path / name)) for name in ("first.pyc", "last.pyc"))
    with Compiler(python) as compiler:
        made = list(compiler.compile([first, Job(str(bad), "/bad.py", str(tmp_path / "bad.pyc")), last]))
    assert made == [True, False, True]
    assert (tmp_path / "first.pyc").read_bytes() == (tmp_path / "last.pyc").read_bytes()
    assert not (tmp_path / "bad.pyc").exists()
    py_compile.compile(str(good), doraise=True)


@pytest.mark.parametrize(("path", "says"), [(None, r"not 3\.10\.99"), (Path("/bin/false"), "it is nothing")])
def test_another_python_than_expected_is_noticed(
    tmp_path: Path, python: Interpreter, path: Path | None, says: str
) -> None:
    """Byte code of a Python that was exchanged meanwhile would be worthless."""
    wrong = Interpreter(version="3.10.99", path=path or python.path, roots=())
    (tmp_path / "a.py").write_text("")
    with Compiler(wrong) as compiler, pytest.raises(UserError, match=says):
        list(compiler.compile([Job(str(tmp_path / "a.py"), "/a.py", str(tmp_path / "a.pyc"))]))
