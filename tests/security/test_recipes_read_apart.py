"""What strangers wrote is parsed in a process of its own: within bounds, and nobody waits for it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path

import pytest

from hubkiln.confined import HELPER_UID
from hubkiln.errors import RecipeError
from hubkiln.processes import own_module
from hubkiln.recipes import Kind, read
from hubkiln.recipes.apart import Reading
from hubkiln.recipes.disk import Disk


async def read_apart(root: Path, seconds: float = 120) -> object:
    """As a build does it."""
    with Reading(seconds) as reading:
        return await reading.read(root)


async def refused(root: Path, seconds: float = 120) -> str:
    """Why reading `root` is refused; fails if it is our own thread that reads, so that others could not go on."""
    longest, done = 0.0, asyncio.Event()

    async def other() -> None:
        nonlocal longest
        while not done.is_set():
            begun = time.thread_time()  # not of a clock: a busy machine lets nobody go on
            await asyncio.sleep(0.01)
            longest = max(longest, time.thread_time() - begun)

    beside = asyncio.create_task(other())
    with pytest.raises(RecipeError) as caught:
        await read_apart(root, seconds)
    done.set()
    await beside
    assert longest < 2.0
    return str(caught.value)


def aliases(levels: int, each: int = 9) -> str:
    """YAML whose lists name one another: ``each ** levels`` values in a few hundred bytes."""
    lines = ['a0: &a0 ["x"]']
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * each)}]" for n in range(1, levels)]
    return "\n".join([*lines, f"dependencies: [*a{levels - 1}]\n"])


async def test_aliases_that_grow_are_refused_by_count(tmp_path: Path) -> None:
    """Before they have grown, which would take days, and nothing of what they stand for is shown."""
    (tmp_path / "environment.yml").write_text(aliases(12))
    said = await refused(tmp_path)
    assert "aliases" in said and len(said) < 300


async def test_a_list_that_holds_itself_is_refused(tmp_path: Path) -> None:
    """It has no end."""
    (tmp_path / "environment.yml").write_text("dependencies: &a [*a]\n")
    assert "aliases" in await refused(tmp_path)


async def test_what_was_parsed_is_never_shown(tmp_path: Path) -> None:
    """Only what kind of thing it is."""
    (tmp_path / "environment.yml").write_text(aliases(4))
    said = await refused(tmp_path)
    assert "a list among its dependencies" in said and "x" not in said.replace("example", "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("environment.yml", "dependencies: " + "[" * 400_000),
        ("environment.yml", "variables: {A: 0x" + "f" * 100_000 + "}\n"),
        ("pyproject.toml", "a = " + "[" * 400_000),
        ("pyproject.toml", "a" + ".a" * 300_000 + " = 1"),
        ("Pipfile.lock", "[" * 400_000),
        ("Pipfile.lock", '{"default": {"a": {"markers": "' + "(" * 100_000 + '"}}}'),
        ("requirements.txt", "a ; " + "(" * 9_000),
        ("uv.lock", "[[package]]\nname = '" + "-" * 300_000 + "'\nversion = '1'\n"),
    ],
)
async def test_what_would_break_a_parser_breaks_no_service(tmp_path: Path, name: str, text: str) -> None:
    """Nesting that overflows the parser's stack, numbers and names without end are errors of the repository."""
    (tmp_path / name).write_text(text)
    try:
        await read_apart(tmp_path, seconds=3)
    except RecipeError as error:
        assert len(str(error)) < 600


async def test_groups_that_include_one_another_are_read_once_each(tmp_path: Path) -> None:
    """Two names in each of forty groups are eighty names, not two to the power of forty."""
    groups = [f'g{n} = [{{include-group = "g{n + 1}"}}, {{include-group = "g{n + 1}"}}]' for n in range(40)]
    text = '[project]\nname = "a"\nversion = "1"\n[dependency-groups]\ndev = [{include-group = "g0"}]\n'
    (tmp_path / "pyproject.toml").write_text(text + "\n".join([*groups, 'g40 = ["numpy"]']) + "\n")
    with Reading(120) as reading:
        assert (await reading.read(tmp_path)).requirements == ("numpy",)


async def test_reading_has_a_time_limit(tmp_path: Path) -> None:
    """Whatever takes its time is ended, and said to."""
    lines = "".join(f"  - a{number}==1;python_version<'3'\n" for number in range(200_000))
    (tmp_path / "environment.yml").write_text("dependencies: [python]\nvariables: {}\nx:\n" + lines[:1_000_000])
    assert "took longer than" in await refused(tmp_path, seconds=0.05)


async def test_a_recipe_read_apart_is_the_same(tmp_path: Path) -> None:
    """Whoever reads it."""
    (tmp_path / "requirements.txt").write_text("numpy>=2 --hash=sha256:" + "a" * 64 + "\n-r more/list.txt\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/list.txt").write_text("pandas\n")
    (tmp_path / "apt.txt").write_text("curl\n")
    (tmp_path / "postBuild").write_text("#!/bin/sh\n")
    apart = await read_apart(tmp_path)
    assert apart == read(tmp_path) and read(tmp_path).kind is Kind.PYTHON


async def test_so_is_one_that_can_be_made_in_two_ways(tmp_path: Path) -> None:
    """With conda's packages, and alone."""
    (tmp_path / "setup.py").touch()
    (tmp_path / "pixi.toml").write_text('[dependencies]\ngdal = "*"\n')
    apart = await read_apart(tmp_path)
    assert apart == read(tmp_path)
    assert apart.alone is not None and (apart.conda, apart.alone.conda) == (("gdal",), ())


async def test_recipes_in_folders_are_found_there_too(tmp_path: Path) -> None:
    """Whoever reads has no list of files, and asks for what it may know."""
    (tmp_path / "lessons/1").mkdir(parents=True)
    (tmp_path / "lessons/1/requirements.txt").touch()
    assert await read_apart(tmp_path) == read(tmp_path)
    assert read(tmp_path).elsewhere == ("lessons/1",)


async def test_links_out_of_a_checkout_are_refused_there_too(tmp_path: Path) -> None:
    """The files are given out by who may read them, and checked there."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "requirements.txt").symlink_to("/etc/passwd")
    assert "leaves the repository" in await refused(root)
    (root / "requirements.txt").unlink()
    (root / "requirements.txt").write_text("-r ../secret.txt\n")
    (tmp_path / "secret.txt").write_text("secret\n")
    assert "outside the repository" in await refused(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's processes are that user's")
@pytest.mark.parametrize("folder", ["..", "../beside", "a/../..", "out", "/"])
def test_scripts_are_looked_for_in_the_checkout_alone(tmp_path: Path, folder: str) -> None:
    """Whoever took the reader over is not told what lies beside."""
    root, beside = tmp_path / "root", tmp_path / "beside"
    for place in (root / "a", beside):
        place.mkdir(parents=True)
        (place / "one.py").write_text("# /// script\n# ///\n")
    (root / "out").symlink_to(beside)
    assert Disk(root).scripts("") == ["a/one.py"]
    assert Disk(root).scripts(folder) == []


def test_the_reader_is_nobody() -> None:
    """Where we are root, it has an owner of its own, no group and no privilege before it asks for a first file."""
    words, env = own_module("hubkiln.recipes.worker")
    with subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdin is not None and reader.stdout is not None
        reader.stdin.write(b'{"load": []}\n')
        reader.stdin.flush()
        assert b"ask" in reader.stdout.readline()
        status = Path(f"/proc/{reader.pid}/status").read_text()
        reader.kill()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == [str(HELPER_UID)] * 4
    assert fields["Groups"].strip() == "" and fields["NoNewPrivs"] == "1"
    assert {fields[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {"0" * 16}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
async def test_files_of_every_encoding_are_read_where_nothing_can_be_loaded(tmp_path: Path, encoding: str) -> None:
    """As editors and shells of Windows write them; one that another names, too."""
    (tmp_path / "more").write_bytes("# für\nidna\n".encode("latin-1"))
    (tmp_path / "requirements.txt").write_bytes("six\n-r more\n".encode(encoding))
    found = await read_apart(tmp_path)
    assert getattr(found, "requirements", ()) == ("six", "idna")
