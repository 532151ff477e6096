"""Where the files of a wheel go."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hubkiln.packages.archive import chunks
from hubkiln.packages.interface import Layout
from hubkiln.packages.wheels import plan_wheel
from hubkiln.trees import MTIME, Entry, Member
from wheels import make_wheel

LAYOUT = Layout(minor="3.11", prefix="p")
SITE = "p/lib/python3.11/site-packages"


def planned(wheel: Path) -> dict[str, Entry]:
    """The plan by path."""
    return {entry.path: entry for entry in plan_wheel(wheel, LAYOUT)}


def content(entry: Entry) -> bytes:
    """An entry's bytes."""
    assert entry.source is not None and not isinstance(entry.source, Path)
    return b"".join(chunks(entry.source)) if isinstance(entry.source, Member) else entry.source


def test_modules_go_to_site_packages_as_they_lie_in_the_archive(tmp_path: Path) -> None:
    """A module is planned as a member of the archive, so nothing is inflated to plan it."""
    entry = planned(make_wheel(tmp_path, files={"tiny/__init__.py": "X = 1\n"}))[f"{SITE}/tiny/__init__.py"]
    assert isinstance(entry.source, Member)
    assert (content(entry), entry.mode, entry.mtime, entry.size) == (b"X = 1\n", 0o644, MTIME, 6)


def test_every_parent_is_there_and_paths_are_sorted(tmp_path: Path) -> None:
    """A tree holds all folders, each before what is in it, and the prefix's belong to the user."""
    paths = [entry.path for entry in plan_wheel(make_wheel(tmp_path), LAYOUT)]
    assert paths == sorted(set(paths))
    assert {"p", "p/lib", "p/lib/python3.11", SITE} <= set(paths)
    assert {entry.uid for entry in plan_wheel(make_wheel(tmp_path), LAYOUT)} == {1000}


def test_schemes_go_where_pip_puts_them(tmp_path: Path) -> None:
    """data, scripts, headers, purelib and platlib each have their folder."""
    files = {
        "tiny-1.0.data/data/share/jupyter/kernel.json": "{}",
        "tiny-1.0.data/scripts/run": "#!/bin/sh\n",
        "tiny-1.0.data/headers/tiny.h": "int x;",
        "tiny-1.0.data/purelib/pure.py": "",
        "tiny-1.0.data/platlib/plat.py": "",
    }
    plan = planned(make_wheel(tmp_path, files=files))
    assert {
        "p/share/jupyter/kernel.json",
        "p/bin/run",
        "p/include/site/python3.11/tiny/tiny.h",
        f"{SITE}/pure.py",
        f"{SITE}/plat.py",
    } <= set(plan)
    assert plan["p/bin/run"].mode == 0o755


def test_scripts_are_run_by_the_environments_python(tmp_path: Path) -> None:
    """``#!python`` becomes the environment's own; other first lines stay."""
    files = {
        "tiny-1.0.data/scripts/a": b"#!python\nprint(1)\n",
        "tiny-1.0.data/scripts/b": b"#!pythonw -x\nprint(2)\n",
        "tiny-1.0.data/scripts/c": b"\x7fELF",
    }
    plan = planned(make_wheel(tmp_path, files=files))
    assert content(plan["p/bin/a"]) == b"#!/p/bin/python\nprint(1)\n"
    assert content(plan["p/bin/b"]) == b"#!/p/bin/python\nprint(2)\n"
    assert content(plan["p/bin/c"]) == b"\x7fELF"


def test_console_scripts_are_made(tmp_path: Path) -> None:
    """Console and GUI entry points become executable scripts; others do not."""
    points = "[console_scripts]\nhello = tiny:main\n[gui_scripts]\nwin = tiny.gui:App.run\n[other]\nx = tiny:y\n"
    plan = planned(make_wheel(tmp_path, entry_points=points))
    text = content(plan["p/bin/hello"]).decode()
    assert text.startswith("#!/p/bin/python\n")
    assert "from tiny import main" in text
    assert plan["p/bin/win"].mode == 0o755
    assert "p/bin/x" not in plan


def test_the_record_names_what_is_installed(tmp_path: Path) -> None:
    """RECORD lists every planned file with hash and size, itself without, and we are the installer."""
    plan = planned(make_wheel(tmp_path, entry_points="[console_scripts]\nhello = tiny:main\n"))
    rows = list(csv.reader(io.StringIO(content(plan[f"{SITE}/tiny-1.0.dist-info/RECORD"]).decode())))
    files = {path for path, entry in plan.items() if entry.source is not None}
    assert len(rows) == len(files)
    assert ["tiny-1.0.dist-info/RECORD", "", ""] in rows
    assert all(row[1].startswith("sha256=") for row in rows if row[0] != "tiny-1.0.dist-info/RECORD")
    assert any(row[0] == "../../../bin/hello" for row in rows)
    assert content(plan[f"{SITE}/tiny-1.0.dist-info/INSTALLER"]) == b"hubkiln\n"


def test_what_only_an_installer_may_write_is_left_out(tmp_path: Path) -> None:
    """A wheel's own INSTALLER, signatures and compiled files are not taken over."""
    wheel = make_wheel(
        tmp_path,
        files={"tiny.py": "", "__pycache__/tiny.cpython-311.pyc": b"evil"},
        metadata={"INSTALLER": "pip", "RECORD.jws": "x", "direct_url.json": "{}"},
    )
    plan = planned(wheel)
    assert not any("__pycache__" in path or path.endswith(("RECORD.jws", "direct_url.json")) for path in plan)
    assert content(plan[f"{SITE}/tiny-1.0.dist-info/INSTALLER"]) == b"hubkiln\n"


def test_executable_files_stay_executable(tmp_path: Path) -> None:
    """The archive's executable bit survives; every other bit is ours."""
    plan = planned(make_wheel(tmp_path, files={"tiny/tool": "x", "tiny/data": "y"}, executable=["tiny/tool"]))
    assert (plan[f"{SITE}/tiny/tool"].mode, plan[f"{SITE}/tiny/data"].mode) == (0o755, 0o644)


def test_a_name_may_be_spelt_differently(tmp_path: Path) -> None:
    """``Tiny.Pkg`` in the dist-info folder is ``tiny_pkg`` in the file name."""
    wheel = make_wheel(tmp_path, "Tiny.Pkg", filename="tiny_pkg-1.0-py3-none-any.whl")
    assert f"{SITE}/Tiny.Pkg-1.0.dist-info/METADATA" in planned(wheel)


def test_planning_twice_gives_the_same(tmp_path: Path) -> None:
    """The plan is a function of the wheel and the layout."""
    wheel = make_wheel(tmp_path, entry_points="[console_scripts]\nhello = tiny:main\n")
    assert plan_wheel(wheel, LAYOUT) == plan_wheel(wheel, LAYOUT)
