"""A kernel's environment inside the server's: where its files lie, how a lock carries it, how Jupyter finds it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.version import Version

from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed
from hubkiln.packages import stack
from hubkiln.packages.conda_values import CondaLock, CondaPackage
from hubkiln.packages.cpython import KERNELS, is_kernel
from hubkiln.packages.interface import Lock, layout_for
from hubkiln.packages.interpreters import find_interpreters
from hubkiln.packages.kernels import kernel_of, with_kernel
from hubkiln.packages.over_conda import conda_of, conda_python, over
from hubkiln.packages.packages import Packages
from hubkiln.packages.prefix import kernelspec_path, prefix_tree
from hubkiln.testing.packages import FakeLocker, release
from hubkiln.values import KERNEL_PREFIX, PREFIX, Interpreter
from index_server import Index
from wheels import make_wheel

OLD = Interpreter(version="3.7.16", path=Path("/opt/python/3.7/bin/python3.7"), roots=())
HEAD = 'lock-version = "1.0"\ncreated-by = "hubkiln"\n'


def test_a_kernel_lies_inside_the_servers_environment() -> None:
    """So one folder, one overlay and one set of layers show both; newer Pythons have none."""
    assert layout_for("3.7").site == f"{KERNEL_PREFIX}/lib/python3.7/site-packages"
    assert KERNEL_PREFIX.startswith(f"{PREFIX}/")
    assert layout_for("3.10").prefix == layout_for("3.13").prefix == PREFIX
    assert all(map(is_kernel, KERNELS)) and not is_kernel("3.10")


def test_jupyter_finds_it_under_the_usual_name() -> None:
    """The server's own kernel would run notebooks otherwise; its Python is named by its full path."""
    tree = {entry.path: entry for entry in prefix_tree(OLD, layout_for("3.7"))}
    found = json.loads(tree[f"{KERNEL_PREFIX}/{kernelspec_path('3.7')}"].source)  # type: ignore[arg-type]
    assert found["argv"][0] == f"/{KERNEL_PREFIX}/bin/python"
    assert found["display_name"] == "Python 3.7"
    assert tree[f"{KERNEL_PREFIX}/bin/python"].link == str(OLD.path)
    newer = replace(OLD, version="3.11.2")
    assert not any(entry.path.endswith("kernel.json") for entry in prefix_tree(newer, layout_for("3.11")))


def test_python_2_is_led_to_its_library(tmp_path: Path) -> None:
    """It knows no virtual environments: a script gives it its name, and a ``site.py`` of ours its library."""
    found = asyncio.run(find_interpreters("2.7"))
    if not found:
        pytest.skip("this machine has no Python 2.7")
    layout = replace(layout_for("2.7"), prefix=str(tmp_path / "it's here").lstrip("/"))
    for entry in prefix_tree(found[0], layout):
        path = Path("/", entry.path)
        if entry.link is not None:
            path.symlink_to(entry.link)
        elif isinstance(entry.source, bytes):
            path.write_bytes(entry.source)
            path.chmod(entry.mode)
        else:
            path.mkdir(exist_ok=True)
    site = Path("/", layout.site)
    (site / "mine.py").write_text("here = True\n")
    (site / "more.pth").write_text("import sys; sys.more = True\n")
    told = "import mine, json, ssl, sys, distutils.sysconfig as d; print(json.dumps([sys.prefix, sys.executable,"
    told += "d.get_python_lib(), sys.more, d.get_config_h_filename(), [p for p in sys.path if 'site-packages' in p]]))"
    python = f"/{layout.prefix}/bin/python"
    done = subprocess.run([python, "-c", told], capture_output=True, text=True, check=True, env={}, cwd="/")
    prefix, executable, library, more, header, places = json.loads(done.stdout)
    assert (prefix, executable, library, more) == (f"/{layout.prefix}", python, str(site), True)
    assert Path(header).is_file() and places == [str(site)]


def test_a_lock_carries_its_kernel() -> None:
    """Written and read back; another kernel is another lock."""
    platform = "x86_64-manylinux_2_28"
    wheel = release("tiny", "1.0")
    files = f'wheels = [{{ url = "{wheel.url}", size = 1000, hashes = {{ sha256 = "{wheel.sha256}" }} }}]\n'
    text = f'{HEAD}\n[[packages]]\nname = "tiny"\nversion = "1.0"\n{files}'
    server = Lock(python="3.11", wheels=(), text=HEAD + "packages = []\n")
    both = with_kernel(server, Lock(python="3.7", wheels=(wheel,), text=text))
    found = kernel_of(both.text, platform)
    assert found is not None
    assert (found.python, [one.name for one in found.wheels]) == ("3.7", ["tiny"])
    assert both.digest != server.digest
    assert kernel_of(server.text, platform) is None
    with pytest.raises(LockFailed, match="cannot be read"):
        kernel_of(both.text.replace("lock = ", "lack = "), platform)


def test_a_lock_carries_the_conda_packages_of_its_kernel() -> None:
    """They are the kernel's alone: the server's own Python stays, and conda's lies in the kernel's prefix."""
    platform = "x86_64-manylinux_2_28"
    conda = CondaLock(platform="linux-64", python="3.9", packages=(CONDAS_PYTHON,))
    kernel = over(Lock(python="3.9", wheels=(), text=HEAD + "packages = []\n"), (), conda)
    server = Lock(python="3.11", wheels=(), text=HEAD + "packages = []\n")
    both = with_kernel(server, kernel)
    found = kernel_of(both.text, platform)
    assert found is not None and found.conda == conda
    assert conda_python(found.conda) == Interpreter(
        version="3.9.18", path=Path(f"/{KERNEL_PREFIX}/bin/python3.9"), roots=()
    )
    assert conda_of(both.text) is None
    assert both.digest != with_kernel(server, replace(kernel, conda=None)).digest


CONDAS_PYTHON = CondaPackage(
    name="python",
    version="3.9.18",
    build="0",
    build_number=0,
    subdir="linux-64",
    url="https://conda.example.org/linux-64/python-3.9.18-0.conda",
    channel="https://conda.example.org",
    sha256="0" * 64,
)


@pytest.mark.parametrize("minor", KERNELS)
def test_each_kernel_has_a_frozen_list(minor: str) -> None:
    """So that environments share its wheels, and *as of* a day long ago the kernel is still one that works."""
    versions = dict(stack.preferred(minor))
    assert {"ipykernel", "pip", "setuptools", "wheel"} <= versions.keys()
    assert "jupyterhub" not in versions and minor not in stack.minors()


@pytest.mark.parametrize("minor", KERNELS)
def test_a_kernels_setuptools_has_what_old_packages_import(minor: str) -> None:
    """``pkg_resources``, which went with version 82."""
    assert Version(dict(stack.preferred(minor))["setuptools"]) < Version("82")


async def test_both_are_put_together(
    data: DataDir,
    index: Index,
    wheelhouse: Path,
    python: Interpreter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server's packages in the prefix, the kernel's below it, the same one in two versions in each."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    old, new = (index.wheel(make_wheel(wheelhouse, "both", version, files={"both.py": version})) for version in "12")
    packages = Packages(data, locker=FakeLocker())
    kernel = Lock(python="3.7", wheels=(old,), text="")
    lock = Lock(python=python.minor, wheels=(new,), text="", kernel=kernel)
    beside = replace(OLD, path=tmp_path / "none")
    plain = await packages.environment(replace(lock, kernel=None), python, lambda text: None)
    try:
        made = await packages.environment(lock, python, lambda text: None, kernel=beside)
    except LockFailed:
        pytest.skip("this machine has no Python 3.7, which compiles for the kernel")
    assert (made.path / f"lib/python{python.minor}/site-packages/both.py").read_text() == "2"
    assert (made.path / "kernel/lib/python3.7/site-packages/both.py").read_text() == "1"
    assert (made.path / "kernel" / kernelspec_path("3.7")).is_file()
    assert made.key != plain.key and not (plain.path / "kernel").exists()
