"""Repositories of 2017 to 2021, in the shape that they have: their Python as a kernel beside today's server."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from newcomer import hubkiln

from hubkiln.packages.interpreters import find_kernels

pytestmark = [pytest.mark.network, pytest.mark.sandbox, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Old:
    """A repository, and what its notebooks find."""

    minor: str
    files: dict[str, str]
    shows: dict[str, str]
    """Module to its version."""
    options: tuple[str, ...] = ()
    long: bool = False
    """Its kernel's own packages are built from their sources, which takes minutes."""


NOTEBOOK = json.dumps(
    {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": "import platform\nopen('/tmp/told', 'w').write(platform.python_version())",
            }
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 2,
    }
)
REPOSITORIES = {
    "2016, Python 2 in a Pipfile, and a server of its own": Old(
        minor="2.7",
        files={
            "Pipfile": '[packages]\nnumpy = "==1.14.3"\nsix = "*"\n\n[requires]\npython_version = "2.7"\n',
            "requirements3.txt": "pyjokes==0.6.0\n",
            "postBuild": "#!/bin/bash\nset -e\npython -c \"print 'two'\"\npip install --no-deps idna==2.10\n"
            '"$NB_PYTHON_PREFIX/bin/python" -c "import pyjokes"\n',
        },
        shows={"numpy": "1.14.3", "six": "1.17.0", "idna": "2.10"},
        long=True,
    ),
    "2017, a runtime and pins": Old(
        minor="3.6",
        files={"runtime.txt": "python-3.6\n", "requirements.txt": "numpy==1.13.3\nsix==1.11.0\ndocopt==0.6.2\n"},
        shows={"numpy": "1.13.3", "six": "1.11.0", "docopt": "0.6.2"},  # the last is a setup.py alone
    ),
    "2018, environment.yml with pip alone, in binder": Old(
        minor="3.6",
        files={
            "binder/environment.yml": "name: demo\nchannels: [conda-forge]\ndependencies:\n"
            "- python=3.6\n- pip\n- pip:\n  - requests==2.18.4\n",
            "requirements.txt": "never-read\n",
        },
        shows={"requests": "2.18.4"},
    ),
    "2019, nothing pinned, as of its day": Old(
        minor="3.7",
        files={"requirements.txt": "requests\nnumpy\ndocopt\n"},
        shows={"numpy": "1.16.4", "requests": "2.22.0", "docopt": "0.6.2"},
        options=("--as-of", "2019-06-10"),
    ),
    "2020, a Pipfile": Old(
        minor="3.8",
        files={"Pipfile": '[packages]\nsix = "==1.14.0"\n\n[requires]\npython_version = "3.8"\n'},
        shows={"six": "1.14.0"},
    ),
    "2021, postBuild and a server of its own": Old(
        minor="3.7",
        files={
            "runtime.txt": "python-3.7.12\n",
            "requirements.txt": "six==1.15.0\n",
            "requirements3.txt": "pyjokes==0.6.0\n",
            "postBuild": "#!/bin/bash\nset -e\npip install --no-deps jupyterhub==1.3.0\n"
            "/srv/conda/envs/kernel/bin/pip install --no-deps idna==2.10\n"
            '"$NB_PYTHON_PREFIX/bin/python" -c "import pyjokes"\n',
        },
        shows={"six": "1.15.0", "idna": "2.10"},
    ),
}


@pytest.mark.parametrize("name", REPOSITORIES)
def test_it_runs_with_its_python(name: str, stacked: Path, tmp_path: Path) -> None:
    """Its packages in its versions, in a command as in a notebook; the server is the one that a hub can start."""
    old = REPOSITORIES[name]
    if old.minor not in {python.minor for python in asyncio.run(find_kernels())}:
        pytest.skip(f"this machine has no Python {old.minor}")
    if old.long and "HUBKILN_TEST_LONG" not in os.environ:
        pytest.skip("takes minutes: set $HUBKILN_TEST_LONG")
    folder = tmp_path / "work"
    for path, text in {**old.files, "note.ipynb": NOTEBOOK}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    code = "import importlib, platform, sys; print(platform.python_version());" + "".join(
        f"print(getattr(importlib.import_module({module!r}), '__version__'));" for module in old.shows
    )
    kernel = f"python{old.minor[0]}"
    ours = "test -x /srv/conda/envs/kernel/bin/python"
    notebook = f"jupyter execute --kernel_name={kernel} note.ipynb 2>&1 && cat /tmp/told"
    script = f'python -c "$0" && {ours} && {notebook} && {SERVER}'
    ran = hubkiln("run", folder, *old.options, "--", "sh", "-c", script, code, data=stacked, seconds=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"kernel of Python {old.minor}." in ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0].startswith(f"{old.minor}.")
    assert lines[1 : 1 + len(old.shows)] == list(old.shows.values())
    assert f"{lines[0]}server 3.1" in lines[-1]


SERVER = "$NB_PYTHON_PREFIX/bin/python -c 'import jupyterhub, platform; print(\"server\", platform.python_version())'"
