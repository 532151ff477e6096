"""What makes a folder an environment of a Python: links to it and ``pyvenv.cfg``. Pure.

The store puts this tree on disk beside the packages, an image has it as its own layer: two views of one thing.

Python 2 knows no ``pyvenv.cfg``: where it is started from decides where it looks. So it is started by a script that
gives it a name in the prefix, finds a ``site.py`` of ours there, and is led by that to its own library.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace

from hubkiln.packages.cpython import is_kernel, is_two
from hubkiln.packages.interface import Layout
from hubkiln.trees import Entry, Tree
from hubkiln.values import KERNELS_BELOW, SERVERS_BELOW, Interpreter

_SERVERS = ("jupyter-lab", "jupyter-labhub", "jupyter-server", "jupyterhub-singleuser")
"""Found in the server's environment, also where a repository of an old Python pins an old Jupyter for its kernel."""

_SITE_OF_TWO = """\
import sys
_lib, _own = {library!r}, sys.prefix + "/lib/python2.7"
_parts = ["", "/plat-linux2", "/lib-tk", "/lib-old", "/lib-dynload"]
sys.path[:] = [path for path in sys.path if path != _own and not path.startswith(_own + "/")]
sys.path += [_lib + part for part in _parts]
sys.real_prefix = {home!r}
execfile(_lib + "/site.py")
if _own + "/site-packages" not in sys.path:
    addsitedir(_own + "/site-packages")
"""


def prefix_tree(python: Interpreter, layout: Layout) -> Tree:
    """The prefix of an environment of `python`, empty but for what a virtual environment has; parents included."""
    links = {"lib64": "lib"} | (servers_links() if is_kernel(python.minor) else {})
    if is_two(python.minor):
        return _tree(links | _links_of_two(python), _files_of_two(python, layout), layout)
    config = f"home = {python.path.parent}\ninclude-system-site-packages = false\nversion = {python.version}\n".encode()
    links |= {"bin/python": str(python.path), "bin/python3": "python", f"bin/python{python.minor}": "python"}
    files = {"pyvenv.cfg": config}
    if is_kernel(python.minor):
        files[kernelspec_path(python.minor)] = kernelspec(python.minor, layout)
    return _tree(links, files, layout)


def _links_of_two(python: Interpreter) -> dict[str, str]:
    home = python.path.parent.parent
    return {
        "bin/python": "python2.7",
        "bin/python2": "python2.7",
        "include/python2.7": f"{home}/include/python2.7",
        "lib/python2.7/config": f"{home}/lib/python2.7/config",
        "lib/python2.7/os.py": f"{home}/lib/python2.7/os.py",  # by which Python knows its prefix
        "lib/python2.7/lib-dynload": f"{home}/lib/python2.7/lib-dynload",
    }


def _files_of_two(python: Interpreter, layout: Layout) -> dict[str, bytes]:
    home = str(python.path.parent.parent)
    start = f'#!/bin/bash\nexec -a "$0" {shlex.quote(str(python.path))} "$@"\n'
    return {
        "bin/python2.7": start.encode(),
        "lib/python2.7/site.py": _SITE_OF_TWO.format(library=f"{home}/lib/python2.7", home=home).encode(),
        kernelspec_path(python.minor): kernelspec(python.minor, layout),
    }


def _tree(links: Mapping[str, str], files: Mapping[str, bytes], layout: Layout) -> Tree:
    prefix = layout.prefix
    entries = [Entry(path=f"{prefix}/{name}", mode=0o777, link=to) for name, to in links.items()]
    for name, data in files.items():
        mode = 0o755 if name.startswith("bin/") else 0o644
        entries.append(Entry(path=f"{prefix}/{name}", mode=mode, size=len(data), source=data))
    folders = {f"{prefix}/bin", f"{prefix}/include", layout.site}
    folders |= {f"{prefix}/{name.rpartition('/')[0]}" for name in (*files, *links) if "/" in name}
    for path in list(folders):
        while path := path.rpartition("/")[0]:
            folders.add(path)
    entries += [Entry(path=path, mode=0o755) for path in folders]
    return Tree(tuple(sorted((_owned(entry, layout) for entry in entries), key=lambda entry: entry.path)))


def servers_links() -> dict[str, str]:
    """The server's own commands, as a kernel's environment inside the server's has them: links by their places."""
    return {f"{SERVERS_BELOW}/{name}": f"../../bin/{name}" for name in _SERVERS}


def kernelspec_path(minor: str) -> str:
    """Where a kernel of `minor` is described, below its prefix: under the name that notebooks know it by."""
    return f"{KERNELS_BELOW}/kernels/python{minor[0]}/kernel.json"


def kernelspec(minor: str, layout: Layout) -> bytes:
    """What the server reads to start a kernel of the Python `minor`."""
    argv = [layout.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    document = {"argv": argv, "display_name": f"Python {minor}", "language": "python"}
    return json.dumps(document, indent=1).encode() + b"\n"


def _owned(entry: Entry, layout: Layout) -> Entry:
    ours = f"{entry.path}/".startswith(f"{layout.prefix}/")
    return replace(entry, uid=layout.uid, gid=layout.gid) if ours else entry
