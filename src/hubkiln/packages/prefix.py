"""What makes a folder an environment of a Python: links to it and ``pyvenv.cfg``. Pure.

The store puts this tree on disk beside the packages, an image has it as its own layer: two views of one thing.
"""

from __future__ import annotations

from dataclasses import replace

from hubkiln.packages.interface import Layout
from hubkiln.trees import Entry, Tree
from hubkiln.values import Interpreter


def prefix_tree(python: Interpreter, layout: Layout) -> Tree:
    """The prefix of an environment of `python`, empty but for what a virtual environment has; parents included."""
    prefix = layout.prefix
    config = f"home = {python.path.parent}\ninclude-system-site-packages = false\nversion = {python.version}\n".encode()
    links = {"bin/python": str(python.path), "bin/python3": "python", f"bin/python{python.minor}": "python"}
    links["lib64"] = "lib"
    entries = [Entry(path=f"{prefix}/{name}", mode=0o777, link=to) for name, to in links.items()]
    entries.append(Entry(path=f"{prefix}/pyvenv.cfg", mode=0o644, size=len(config), source=config))
    folders = {f"{prefix}/bin", f"{prefix}/include", layout.site}
    for path in list(folders):
        while path := path.rpartition("/")[0]:
            folders.add(path)
    entries += [Entry(path=path, mode=0o755) for path in folders]
    return Tree(tuple(sorted((_owned(entry, layout) for entry in entries), key=lambda entry: entry.path)))


def _owned(entry: Entry, layout: Layout) -> Entry:
    ours = f"{entry.path}/".startswith(f"{layout.prefix}/")
    return replace(entry, uid=layout.uid, gid=layout.gid) if ours else entry
