"""Placing packages with the real rattler: what lies on disk, and what hostile packages cannot do."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conda_channel import PLACEHOLDER, File, Package, binary, noarch_python, python, write_channel

from hubkiln.errors import BuildFailed, TooLarge, Unreachable
from hubkiln.images.layers import write_layer
from hubkiln.packages.conda import (
    CondaSettings,
    Installed,
    install_conda,
    lock_conda,
    parse_lock,
    part_tree,
    partition,
    python_distributions,
)

PREFIX = "/srv/conda/envs/notebook"
LIB = Package(name="lib", version="1.5", files=(File(path="lib/libx.so", link="libx.so.1"), File(path="lib/libx.so.1")))
TOOL = Package(
    name="tool",
    version="2.0",
    depends=("lib", "python"),
    files=(
        File(path="bin/tool", data=f"#!{PLACEHOLDER}/bin/python\n".encode(), mode=0o755, prefix="text"),
        File(path="bin/.tool-post-link.sh", data=b"#!/bin/sh\ntouch $PREFIX/ran\n", mode=0o755),
        File(path="share/tool", data=b"data"),
    ),
)


async def install(
    tmp_path: Path,
    *packages: Package,
    said: list[str] | None = None,
    settings: CondaSettings | None = None,
    **kinds: Any,
) -> Installed:
    """A channel of `packages` and a Python, all of them locked and installed."""
    url = write_channel(tmp_path / "channel", python(), *packages, **kinds)
    settings = settings or CondaSettings(allowed_channels=(url,))
    heard = said if said is not None else []
    options: dict[str, Any] = {"settings": settings, "cache": tmp_path / "cache", "say": heard.append}
    lock = await lock_conda([p.name for p in packages], [url], python_minor="3.11", **options)
    return await install_conda(parse_lock(lock.text), tmp_path / "made" / "prefix", **options)


async def test_files_hold_the_final_prefix(tmp_path: Path) -> None:
    """Text, binary files and console scripts speak of /srv/conda/envs/notebook though they were written elsewhere."""
    made = (await install(tmp_path, TOOL, LIB, noarch_python("demo", "1.0"), as_tar_bz2=("tool",))).prefix
    assert (made / "bin/tool").read_text() == f"#!{PREFIX}/bin/python\n"
    assert (made / "lib/python3.11/sysconfig.txt").read_text() == f"prefix={PREFIX}\n"
    assert (made / "bin/demo").read_text().startswith(f"#!{PREFIX}/bin/python3.11\n")
    library = (made / "lib/libpython3.11.so").read_bytes()
    assert f"{PREFIX}/lib\0".encode() in library
    assert len(library) == len(binary())
    assert library.endswith(b"\0tail\xff\0")


async def test_noarch_python_packages_go_where_this_python_looks(tmp_path: Path) -> None:
    """A pure-Python package lands in the minor's own site-packages, and is known to pip."""
    made = (await install(tmp_path, noarch_python("demo", "1.0"))).prefix
    assert (made / "lib/python3.11/site-packages/demo/__init__.py").is_file()
    assert python_distributions(made) == {"demo": "1.0"}


async def test_no_script_of_a_package_runs(tmp_path: Path) -> None:
    """Post-link scripts are named for a run step, and not run here."""
    made = await install(tmp_path, TOOL, LIB)
    assert made.scripts == ("bin/.tool-post-link.sh",)
    assert not (made.prefix / "ran").exists()


async def test_nothing_of_this_machine_is_left_in_the_prefix(tmp_path: Path) -> None:
    """Made twice in different places, an environment is the same, byte for byte and mode for mode."""
    pictures = []
    for place, umask in (("a", 0o022), ("b", 0o077)):
        before = os.umask(umask)
        try:
            (tmp_path / place).mkdir()
            made = (await install(tmp_path / place, TOOL, LIB, noarch_python("demo", "1.0"))).prefix
        finally:
            os.umask(before)
        for record in (made / "conda-meta").glob("*.json"):
            assert str(tmp_path) not in record.read_text().replace((tmp_path / place / "channel").as_uri(), "")
            record.write_text(record.read_text().replace(f"/{place}/channel", "/channel"))
        pictures.append([(p.relative_to(made), oct(p.lstat().st_mode), content(p)) for p in sorted(made.rglob("*"))])
    assert pictures[0] == pictures[1]


def content(path: Path) -> bytes:
    return str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""


async def test_every_file_is_in_one_part(tmp_path: Path) -> None:
    """The parts of a prefix are its packages; together they are the whole, and none shares a file."""
    made = (await install(tmp_path, TOOL, LIB)).prefix
    (made / "extra").write_text("of no package")
    parts = partition(made)
    assert [part.name for part in parts] == ["lib", "python", "tool", ""]
    files = [path for part in parts for path in part.files]
    everything = [p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_symlink() or not p.is_dir()]
    assert sorted(files) == sorted(everything)
    assert "lib/libx.so" in parts[0].files
    assert "conda-meta/tool-2.0-0.json" in parts[2].files
    assert parts[3].files == ("conda-meta/history", "extra")


async def test_a_part_is_the_tree_of_a_layer(tmp_path: Path) -> None:
    """Each part has its files and the folders above them, the prefix's own the user's; all parts make layers."""
    made = (await install(tmp_path, TOOL, LIB)).prefix
    for part in partition(made):
        tree = part_tree(made, part)
        write_layer(tree, tmp_path / "layer")
        owners = {entry.path: entry.uid for entry in tree}
        assert [owners[path] for path in ("srv", "srv/conda/envs", "srv/conda/envs/notebook")] == [0, 0, 1000]
    tool = {entry.path: entry for entry in part_tree(made, partition(made)[2])}
    assert tool["srv/conda/envs/notebook/bin/tool"].mode == 0o755
    assert tool["srv/conda/envs/notebook/share/tool"].source == made / "share/tool"


async def test_a_parts_key_follows_its_package_alone(tmp_path: Path) -> None:
    """Another environment with the same package has the same part, so the layer is shared."""
    both = partition((await install(tmp_path / "both", TOOL, LIB, noarch_python("demo", "1.0"))).prefix)
    moved = tmp_path / "again"
    moved.mkdir()
    (moved / "channel").symlink_to(tmp_path / "both/channel")
    lock_of = {"settings": CondaSettings(allowed_channels=((tmp_path / "both/channel").as_uri(),)), "say": len}
    lock = await lock_conda(
        ["lib"], [(tmp_path / "both/channel").as_uri()], python_minor="3.11", cache=moved / "cache", **lock_of
    )
    alone = partition((await install_conda(lock, moved / "prefix", cache=moved / "cache", **lock_of)).prefix)
    keys = {part.name: part.key for part in both}
    assert {part.name: part.key for part in alone if part.name} == {name: keys[name] for name in ("lib", "python")}


async def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    """Bytes are counted package by package, from the cache as well."""
    url = write_channel(tmp_path / "channel", python(), LIB)
    options: dict[str, Any] = {"settings": CondaSettings(allowed_channels=(url,)), "cache": tmp_path / "c", "say": len}
    lock = await lock_conda(["lib"], [url], python_minor="3.11", **options)
    for attempt in ("first", "second"):
        seen: list[tuple[int, int]] = []
        await install_conda(lock, tmp_path / attempt, progress=lambda d, t, seen=seen: seen.append((d, t)), **options)
        assert seen[-1][0] == seen[-1][1] == sum(p.size or 0 for p in lock.packages)


async def test_a_package_with_another_hash_is_refused(tmp_path: Path) -> None:
    """What the lock promised is what is installed, or nothing is."""
    url = write_channel(tmp_path / "channel", python(), LIB)
    options: dict[str, Any] = {"settings": CondaSettings(allowed_channels=(url,)), "cache": tmp_path / "c", "say": len}
    lock = await lock_conda(["lib"], [url], python_minor="3.11", **options)
    archive = tmp_path / "channel/linux-64/lib-1.5-0.conda"
    archive.write_bytes(archive.read_bytes()[:-1] + b"!")
    with pytest.raises(BuildFailed, match="hash differs"):
        await install_conda(lock, tmp_path / "prefix", **options)
    archive.write_bytes(archive.read_bytes() + b"more")
    with pytest.raises(TooLarge):
        await install_conda(lock, tmp_path / "prefix", **options)
    archive.unlink()
    with pytest.raises(Unreachable):
        await install_conda(lock, tmp_path / "prefix", **options)
    assert not (tmp_path / "prefix").exists()


@pytest.mark.parametrize("path", ["../escape", "/etc/escape", "a/../../escape", "conda-meta/history", "bin/.wh.python"])
async def test_a_path_outside_the_prefix_is_refused(tmp_path: Path, path: str) -> None:
    """Escapes, our own records and whiteouts are none of a package's business."""
    with pytest.raises(BuildFailed, match="refused"):
        await install(tmp_path, Package(name="evil", version="1", files=(File(path=path, data=b"x"),)))
    assert not list(tmp_path.rglob("escape"))
    assert not list((tmp_path / "made").rglob("*"))


@pytest.mark.parametrize("prefix", ["", "text"])
async def test_a_link_passed_off_as_a_file_is_refused(tmp_path: Path, prefix: str) -> None:
    """A package cannot have a file of the host read into the environment."""
    (tmp_path / "secret").write_text("secret")
    listed = File(path="leak", data=b"x", prefix=prefix)
    link = File(path="leak", link=str(tmp_path / "secret"))
    with pytest.raises(BuildFailed, match="does not fit"):
        await install(tmp_path, Package(name="evil", version="1", files=(listed,), really=(link,)))


async def test_a_path_through_another_packages_link_is_refused(tmp_path: Path) -> None:
    """Two packages together cannot write outside the prefix either."""
    first = Package(name="first", version="1", files=(File(path="lib/out", link=str(tmp_path)),))
    second = Package(name="second", version="1", depends=("first",), files=(File(path="lib/out/escape", data=b"x"),))
    with pytest.raises(BuildFailed, match="through a link of first"):
        await install(tmp_path, first, second)
    assert not list(tmp_path.rglob("escape"))


async def test_a_package_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    """A bomb is stopped before it is unpacked."""
    bomb = Package(name="bomb", version="1", files=(File(path="x", data=bytes(200_000)),))
    settings = CondaSettings(allowed_channels=((tmp_path / "channel").as_uri(),), max_bytes=150_000)
    with pytest.raises(TooLarge):
        await install(tmp_path, bomb, settings=settings)


async def test_two_packages_with_one_path_are_told_of(tmp_path: Path) -> None:
    """Whose file it becomes is rattler's to say; that there are two is ours."""
    said: list[str] = []
    one = Package(name="one", version="1", files=(File(path="share/same", data=b"1"),))
    two = Package(name="two", version="1", files=(File(path="share/same", data=b"2"),))
    made = await install(tmp_path, one, two, said=said)
    assert any("both hold share/same" in text for text in said)
    files = [path for part in partition(made.prefix) for path in part.files]
    assert len(files) == len(set(files))


async def test_the_oldest_packages_have_no_list_of_paths(tmp_path: Path) -> None:
    """A package without paths.json is placed by its bare list of files."""
    made = await install(tmp_path, replace(LIB, bare=True), as_tar_bz2=("lib",))
    record = json.loads((made.prefix / "conda-meta/lib-1.5-0.json").read_text())
    assert record["files"] == ["lib/libx.so", "lib/libx.so.1"]
