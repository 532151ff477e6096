"""What makes a folder an environment of a Python: links to it and ``pyvenv.cfg``. Pure.

The store puts this tree on disk beside the packages, an image has it as its own layer: two views of one thing.
"""

from __future__ import annotations

import json
from dataclasses import replace

from hubkiln.packages.cpython import is_kernel
from hubkiln.packages.interface import Layout
from hubkiln.trees import Entry, Tree
from hubkiln.values import KERNELS_BELOW, SERVERS_BELOW, Interpreter

KERNELSPEC = f"{KERNELS_BELOW}/kernels/python3/kernel.json"
_SERVERS = ("jupyter-lab", "jupyter-labhub", "jupyter-server", "jupyterhub-singleuser")
"""Found in the server's environment, also where a repository of an old Python pins an old Jupyter for its kernel."""


def prefix_tree(python: Interpreter, layout: Layout) -> Tree:
    """The prefix of an environment of `python`, empty but for what a virtual environment has; parents included."""
    prefix = layout.prefix
    config = f"home = {python.path.parent}\ninclude-system-site-packages = false\nversion = {python.version}\n".encode()
    links = {"bin/python": str(python.path), "bin/python3": "python", f"bin/python{python.minor}": "python"}
    links["lib64"] = "lib"
    if is_kernel(python.minor):
        links |= {f"{SERVERS_BELOW}/{name}": f"../../bin/{name}" for name in _SERVERS}
    entries = [Entry(path=f"{prefix}/{name}", mode=0o777, link=to) for name, to in links.items()]
    files = {"pyvenv.cfg": config} | ({KERNELSPEC: kernelspec(python, layout)} if is_kernel(python.minor) else {})
    entries += [Entry(path=f"{prefix}/{name}", mode=0o644, size=len(data), source=data) for name, data in files.items()]
    folders = {f"{prefix}/bin", f"{prefix}/include", layout.site}
    folders |= {f"{prefix}/{name.rpartition('/')[0]}" for name in (*files, *links) if "/" in name}
    for path in list(folders):
        while path := path.rpartition("/")[0]:
            folders.add(path)
    entries += [Entry(path=path, mode=0o755) for path in folders]
    return Tree(tuple(sorted((_owned(entry, layout) for entry in entries), key=lambda entry: entry.path)))


def kernelspec(python: Interpreter, layout: Layout) -> bytes:
    """What the server reads to start a kernel of `python`, under the name that notebooks have for Python."""
    argv = [layout.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    document = {"argv": argv, "display_name": f"Python {python.minor}", "language": "python"}
    return json.dumps(document, indent=1).encode() + b"\n"


def _owned(entry: Entry, layout: Layout) -> Entry:
    ours = f"{entry.path}/".startswith(f"{layout.prefix}/")
    return replace(entry, uid=layout.uid, gid=layout.gid) if ours else entry
