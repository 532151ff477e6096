"""The program: brings the files, says what was done, and becomes the server."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from .disk import copy
from .home import deliver
from .report import Report, reason


def bring_home(given: Path, home: Path) -> str:
    """Copy to `home` what is in `given` and absent there; empty, or why that did not work."""
    try:
        for path in sorted(given.iterdir()) if given.is_dir() else ():
            target = home / path.name
            if path.is_symlink() or path.is_file():
                if not os.path.lexists(target):
                    _put(path, target)
            elif path.is_dir() and not target.is_symlink() and (target.is_dir() or not target.exists()):
                target.mkdir(exist_ok=True)
                if trouble := bring_home(path, target):
                    return trouble
    except OSError as error:
        return reason(error)
    return ""


def _put(source: Path, target: Path) -> None:
    """Copy one file so that it is there completely or not at all."""
    new = target.with_name(f".{target.name}.new")
    try:
        copy(str(source), str(new))
        new.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()


def usable(home: Path) -> str:
    """Empty if a server can work in `home`, else why not."""
    probe = home / f".hubkiln-probe-{os.getpid()}"
    try:
        probe.write_bytes(b"\0" * 262144)
        return ""
    except OSError as error:
        return reason(error)
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def surroundings(home: Path, folder: Path, opened: str, url: str, trouble: str) -> dict[str, str]:
    """Environment variables for the server: where it works and what it shows first."""
    env = {}
    if trouble:
        env["HOME"] = tempfile.mkdtemp(prefix="home-")
        print(f"Hubkiln: settings are kept in {env['HOME']} and lost at the end, because {trouble}", flush=True)
    root = home if home in folder.parents else folder
    env["JUPYTERHUB_ROOT_DIR"] = str(root)
    if url:
        path = "/".join(part for part in (str(folder.relative_to(root)), opened) if part not in ("", "."))
        env["JUPYTERHUB_DEFAULT_URL"] = f"{url.rstrip('/')}/{quote(path, errors='surrogateescape')}" if path else url
    return env


def main(arguments: list[str] | None = None) -> None:
    """Deliver, say what was done, and become the program after ``--``."""
    parser = argparse.ArgumentParser(description="Bring a repository's files home, then run a program.")
    parser.add_argument("--source", type=Path, default=Path("/srv/repo"))
    parser.add_argument("--given", type=Path, default=Path("/srv/home"), help="what the image wants in the home")
    parser.add_argument("--name", required=True, help="folder in the home")
    parser.add_argument("--subdir", default="", help="folder of the repository that counts as its root")
    parser.add_argument("--open", default="", help="path to show first, below the repository's root")
    parser.add_argument("--url", default="", help="URL under which the server shows files, such as /lab/tree")
    parser.add_argument("program", nargs="+")
    given = parser.parse_args(arguments)
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    home = Path.home()
    trouble = usable(home)
    report = Report(why=trouble) if trouble else deliver(given.source, home, given.name)
    if not trouble and (missed := bring_home(given.given, home)):
        print(f"Hubkiln: what postBuild put into the home was not all brought there: {missed}", flush=True)
    for line in report.lines():
        print(f"Hubkiln: {line}", flush=True)
    folder = given.source if report.outcome == "kept" else home / report.folder
    opened = "/".join(part for part in (given.subdir, given.open) if part)
    os.environ.update(surroundings(home, folder, opened, given.url, trouble))
    inside = folder / given.subdir
    os.chdir(inside if inside.is_dir() else folder)
    os.execvp(given.program[0], given.program)
