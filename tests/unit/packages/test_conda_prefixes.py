"""What is done to placed conda packages before they are kept: one time, byte code that fits, nothing outside."""

from __future__ import annotations

import importlib.util
import json
import marshal
import sys
from pathlib import Path

import pytest

from hubkiln.errors import BuildFailed
from hubkiln.packages.conda_parts import byte_code
from hubkiln.packages.conda_prefixes import ACTIVATE, finish
from hubkiln.trees import MTIME
from hubkiln.values import KERNEL_PREFIX, Interpreter

VERSION = ".".join(map(str, sys.version_info[:3]))
MINOR = ".".join(map(str, sys.version_info[:2]))
HERE = Interpreter(version=VERSION, path=Path(sys.executable).resolve(), roots=())
NOWHERE = Interpreter(version=VERSION, path=Path(), roots=())


def prefix(tmp_path: Path) -> tuple[Path, Path]:
    site = tmp_path / "prefix/lib" / f"python{MINOR}" / "site-packages"
    site.mkdir(parents=True)
    return tmp_path / "prefix", site


def compiled(source: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(source)))


def header(mtime: int, size: int) -> bytes:
    return importlib.util.MAGIC_NUMBER + b"".join(n.to_bytes(4, "little") for n in (0, mtime, size))


def test_byte_code_that_fitted_fits_still(tmp_path: Path) -> None:
    """Python compares the time it was compiled for with the file's; both become ours. What did not fit is left."""
    made, site = prefix(tmp_path)
    good, bad = site / "good.py", site / "bad.py"
    for source, offset in ((good, 0), (bad, 5)):
        source.write_text("x = 1\n")
        compiled(source).parent.mkdir(exist_ok=True)
        mtime = int(source.stat().st_mtime) + offset
        compiled(source).write_bytes(header(mtime, 6) + marshal.dumps(compile("x = 1", "x", "exec")))
    finish(made, NOWHERE, None)
    assert compiled(good).read_bytes()[:16] == header(MTIME, 6)
    assert compiled(bad).read_bytes()[:16] != header(MTIME, 6)
    assert good.stat().st_mtime == compiled(good).stat().st_mtime == MTIME


def test_packages_for_every_python_are_compiled(tmp_path: Path) -> None:
    """Under the name they will have inside; the part of their package owns the byte code."""
    made, site = prefix(tmp_path)
    (site / "pure.py").write_text("x = 1\n")
    finish(made, HERE, None)
    assert compiled(site / "pure.py").read_bytes()[:16] == header(MTIME, 6)
    place = (site / "pure.py").relative_to(made).as_posix()
    assert made / str(byte_code(place)) == compiled(site / "pure.py")


def test_no_byte_code_goes_through_a_packages_link(tmp_path: Path) -> None:
    """A package may hold any link; nothing is written where it leads."""
    made, site = prefix(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (site / "pure.py").write_text("x = 1\n")
    (site / "__pycache__").symlink_to(outside)
    (site / "linked.py").symlink_to("/etc/passwd")
    finish(made, HERE, None)
    assert not list(outside.iterdir())


def test_activation_scripts_are_run_by_a_script_of_ours(tmp_path: Path) -> None:
    """Only where there are any."""
    made, _ = prefix(tmp_path)
    finish(made, NOWHERE, None)
    assert not (made / ACTIVATE).exists()
    (made / "etc/conda/activate.d").mkdir(parents=True)
    (made / "etc/conda/activate.d/gdal.sh").write_text("export GDAL_DATA=x\n")
    finish(made, NOWHERE, None)
    assert (made / ACTIVATE).stat().st_mode & 0o111


OLD = Interpreter(version="3.9.18", path=Path(), roots=())


def test_a_kernels_packages_are_ready_for_the_server_beside_them(tmp_path: Path) -> None:
    """Its Python is described under the usual name, other kernels under theirs; the server's commands are its own."""
    made = tmp_path / "prefix"
    for name in ("python3", "ir"):
        (made / "share/jupyter/kernels" / name).mkdir(parents=True)
        (made / "share/jupyter/kernels" / name / "kernel.json").write_text(json.dumps({"display_name": name}))
    (made / "etc/conda/activate.d").mkdir(parents=True)
    (made / "etc/conda/activate.d/gdal.sh").write_text("export GDAL_DATA=x\n")
    finish(made, OLD, None)
    kernels = made / "share/hubkiln/kernels"
    assert json.loads((kernels / "python3/kernel.json").read_text())["argv"][0] == f"/{KERNEL_PREFIX}/bin/python"
    assert json.loads((kernels / "ir/kernel.json").read_text())["display_name"] == "ir"
    assert (made / "libexec/jupyter-lab").readlink() == Path("../../bin/jupyter-lab")
    assert f"/{KERNEL_PREFIX}/etc/conda/activate.d/" in (made / ACTIVATE).read_text()


@pytest.mark.parametrize("place", ["libexec", "share", "share/hubkiln", "share/hubkiln/kernels/python3"])
def test_what_a_kernel_gets_goes_through_no_packages_link(tmp_path: Path, place: str) -> None:
    """A link where there must be a folder is refused, and nothing is written where it leads."""
    made, outside = tmp_path / "prefix", tmp_path / "outside"
    (made / place).parent.mkdir(parents=True)
    outside.mkdir()
    (made / place).symlink_to(outside)
    with pytest.raises(BuildFailed, match="a link where there must be a folder"):
        finish(made, OLD, None)
    assert not list(outside.iterdir())


def test_a_folder_in_the_place_of_a_kernels_file_is_the_packages_fault(tmp_path: Path) -> None:
    """It is said, like a link there."""
    (tmp_path / "prefix" / "libexec/jupyter-lab").mkdir(parents=True)
    with pytest.raises(BuildFailed, match="a folder for a file"):
        finish(tmp_path / "prefix", OLD, None)
