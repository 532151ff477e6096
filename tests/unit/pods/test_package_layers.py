"""How an environment becomes layers that other environments share."""

from __future__ import annotations

from pathlib import Path

from hubkiln.pods.package_layers import LARGE, Part, parts
from hubkiln.trees import Entry, Tree, with_parents

SITE = "srv/env/lib/python3.11/site-packages"


def environment(folder: Path, **packages: bytes) -> Tree:
    """An environment on disk with a module, its byte code and a command for each of `packages`."""
    entries = [Entry(path="srv/env/pyvenv.cfg", mode=0o644, size=4, source=b"home")]
    for name, data in packages.items():
        listed = f"{name}.py,sha256=x,1\n../../../bin/{name},,\n{name}-1.dist-info/RECORD,,\n\n"
        files = {
            f"{SITE}/{name}.py": data,
            f"{SITE}/__pycache__/{name}.cpython-311.pyc": b"code of " + data[:9],
            f"srv/env/bin/{name}": b"#!python",
            f"{SITE}/{name}-1.dist-info/RECORD": listed.encode(),
        }
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
            entries.append(Entry(path=path, mode=0o644, size=len(content), source=folder / path))
    return Tree(tuple(with_parents(entries)))


def named(found: list[Part]) -> dict[str, str]:
    """Keys by titles."""
    return {part.title: part.key for part in found}


def test_each_file_is_in_one_part_and_byte_code_with_its_package(tmp_path: Path) -> None:
    """What nobody lists comes first; a large package is alone, with its command and the folders above."""
    tree = environment(tmp_path, large=bytes(LARGE), small=b"1", other=b"2")
    found = parts(tree)
    assert sorted(path for part in found for path in paths(part)) == sorted(paths(Part("", "", tree)))
    assert found[0].title == "what no package lists" and "srv/env/pyvenv.cfg" in paths(found[0])
    large = next(part for part in found if part.title == "large")
    assert paths(large) == {
        f"{SITE}/large.py",
        f"{SITE}/__pycache__/large.cpython-311.pyc",
        f"{SITE}/large-1.dist-info/RECORD",
        "srv/env/bin/large",
    }


def paths(part: Part) -> set[str]:
    """Of its files."""
    return {entry.path for entry in part.tree if entry.source is not None}


def test_environments_share_what_they_both_have(tmp_path: Path) -> None:
    """One with a package more has the other's large ones under the same keys."""
    one = named(parts(environment(tmp_path / "a", large=bytes(LARGE), huge=bytes(2 * LARGE))))
    two = named(parts(environment(tmp_path / "b", large=bytes(LARGE), huge=bytes(2 * LARGE), more=b"3")))
    assert {name: two[name] for name in ("large", "huge")} == {name: one[name] for name in ("large", "huge")}


def test_a_list_that_lies_takes_nobody_elses_layer(tmp_path: Path) -> None:
    """The same names and the same list, with other bytes: another layer."""
    one = named(parts(environment(tmp_path / "a", large=bytes(LARGE))))
    two = named(parts(environment(tmp_path / "b", large=b"x" + bytes(LARGE - 1))))
    assert one["large"] != two["large"]
