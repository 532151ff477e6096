"""Finds :mod:`hubkiln.packages.start_list` anew: ``python -m hubkiln.packages.find_start_list [3.11]``.

A server without byte code is started and visited, and a notebook run; what Python then has compiled is the list.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from hubkiln import processes
from hubkiln.packages import stack
from hubkiln.packages.start_list import FILE
from hubkiln.packages.tools import index_variables, uv

_NOTEBOOK = """\
import ipywidgets; ipywidgets.IntSlider()
from IPython.core.completer import provisionalcompleter
with provisionalcompleter():
    list(get_ipython().Completer.completions("import os; os.pat", 17))
1 / 0
"""
_SERVER = """\
import json, os, signal, sys, threading, time, urllib.error, urllib.request
from jupyterlab.labapp import LabApp
port = int(sys.argv.pop())
asked = [("GET", "lab", None), ("GET", "tree", None), ("GET", "api/contents/first.ipynb", None),
         ("GET", "api/kernelspecs", None), ("POST", "api/terminals", {}), ("GET", "git-pull", None),
         ("POST", "api/sessions", {"path": "first.ipynb", "name": "", "type": "notebook",
                                   "kernel": {"name": "python3"}}),
         ("GET", "nbconvert/html/first.ipynb?download=false", None)]
def visit():
    for method, path, body in asked:
        for _ in range(200):
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", data, method=method)
            try:
                urllib.request.urlopen(request, timeout=60).read()
            except urllib.error.HTTPError:
                pass
            except OSError:
                time.sleep(0.1)
                continue
            break
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=visit, daemon=True).start()
sys.argv = ["jupyter-lab", "--no-browser", "--allow-root", "--ServerApp.token=", f"--port={port}",
            "--ServerApp.disable_check_xsrf=True"]
LabApp.launch_instance()
"""


async def _seen(minor: str, folder: Path) -> list[str]:
    """What the stack of `minor`, in a new environment in `folder`, has compiled after a server and a notebook ran."""
    venv, home = folder / "venv", folder / "home"
    home.mkdir()
    cell: dict[str, object] = {
        "cell_type": "code",
        "source": _NOTEBOOK,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "id": "a",
    }
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (home / "first.ipynb").write_text(json.dumps(book))
    python = venv / "bin/python"
    commands: list[list[str | Path]] = [
        [uv(), "venv", "--quiet", "--python", minor, venv],
        [uv(), "pip", "install", "--quiet", "--python", python, "--requirements", stack.file_of(minor)],
        [venv / "bin/jupyterhub-singleuser", "--version"],
        [python, "-c", _SERVER, str(processes.free_port())],
        [venv / "bin/jupyter", "execute", "--allow-errors", "first.ipynb"],
    ]
    env = processes.clean_environment(HOME=str(home), PATH=f"{venv}/bin:/usr/bin:/bin") | index_variables(None)
    for command in commands:
        finished = await processes.run(command, env=env, cwd=home, seconds=300)
        if finished.code != 0:
            raise SystemExit(finished.output)
    site = next(venv.glob("lib/python3.*/site-packages"))
    found = site.rglob("__pycache__/*.pyc")
    return sorted(f"{one.parent.parent.relative_to(site)}/{one.name.partition('.')[0]}.py" for one in found)


async def main(argv: list[str]) -> None:
    """Rewrite the list, and say what has to be changed besides."""
    minor = argv[0] if argv else "3.11"
    with tempfile.TemporaryDirectory() as folder:
        found = [path.removeprefix("./") for path in await _seen(minor, Path(folder))]
    header = f"# What a server and a kernel of Python {minor} load in their first minute.\n"
    header += "# Made by: python -m hubkiln.packages.find_start_list\n"
    FILE.write_text(header + "".join(f"{path}\n" for path in found))
    print(f"{len(found)} modules. Raise BYTECODE in hubkiln/values.py; a test says what it must be.")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
