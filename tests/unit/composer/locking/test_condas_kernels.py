"""Which Python a recipe gets from conda, and where it goes: in the server's place, or beside it as a kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.composer.bases import Base
from hubkiln.composer.locking.beside import notebooks
from hubkiln.composer.locking.conda import before_solving, condas_minor, entrypoint, with_conda
from hubkiln.errors import Unsupported
from hubkiln.packages import ACTIVATE, CondaLock, Lock
from hubkiln.recipes import Kind, Recipe
from hubkiln.values import KERNEL_PREFIX, PREFIX, Interpreter

RECIPE = Recipe(kind=Kind.CONDA, folder="", conda=("numpy",))
OWN = Interpreter(version="3.11.2", path=Path("/usr/bin/python3.11"), roots=())
HOST = Base(name="host", interpreter=OWN, minors=("3.11",))
OLD = CondaLock(platform="linux-64", python="3.9", packages=())
NEW = CondaLock(platform="linux-64", python="3.12", packages=())


@pytest.mark.parametrize(
    ("python", "allowed", "minor"),
    [
        (None, None, "3.11"),
        ("3.7", None, "3.7"),
        (None, ">=3.7,<3.10", "3.9"),
        (None, "<3.7", "3.6"),
        (None, ">=3.7", "3.11"),
        (None, ">=3.7,<3.11", "3.10"),
        (None, ">=3.12", "3.14"),
    ],
)
def test_an_old_python_is_taken_where_no_other_is_allowed(python: str | None, allowed: str | None, minor: str) -> None:
    """The default, else the newest of those that can run the server, else the newest that can be a kernel."""
    assert condas_minor(replace(RECIPE, python=python, requires_python=allowed), "3.11") == minor


def test_a_python_that_nobody_has_is_refused() -> None:
    """Before anything is solved."""
    with pytest.raises(Unsupported, match=r"Python >=4"):
        condas_minor(replace(RECIPE, requires_python=">=4"), "3.11")


def test_an_old_python_leaves_the_servers_alone() -> None:
    """It is the kernel's, and lies in its prefix; a newer one takes the place of the base's own."""
    old, new = before_solving(HOST, "3.9"), before_solving(HOST, "3.12")
    assert old.interpreter == OWN and old.kernel is not None
    assert old.kernel.path == Path(f"/{KERNEL_PREFIX}/bin/python3.9")
    assert (new.interpreter.path, new.kernel) == (Path(f"/{PREFIX}/bin/python3.12"), None)
    assert notebooks(old).interpreter == old.kernel and notebooks(old).kernel is None
    assert notebooks(new) == new


def test_the_base_of_a_lock_has_its_conda_packages() -> None:
    """Whether they are the server's or the kernel's; each lock of them is another base."""
    server = Lock(python="3.11", wheels=(), text="")
    kernel = replace(server, kernel=Lock(python="3.9", wheels=(), text="", conda=OLD))
    beside = with_conda(HOST, kernel)
    assert (beside.interpreter, beside.conda, beside.condas) == (OWN, OLD, False)
    assert beside.kernel is not None and beside.kernel.minor == "3.9"
    below = with_conda(HOST, Lock(python="3.12", wheels=(), text="", conda=NEW))
    assert (below.interpreter.minor, below.kernel, below.condas) == ("3.12", None, True)
    assert len({HOST.name, beside.name, below.name}) == 3
    assert with_conda(HOST, server) == HOST


@pytest.mark.parametrize(("conda", "place"), [(NEW, PREFIX), (OLD, KERNEL_PREFIX)])
def test_what_conda_packages_want_to_set_is_set_before_everything(tmp_path: Path, conda: CondaLock, place: str) -> None:
    """By the script of the prefix where they lie, if any of them has something to set."""
    lock = Lock(python=conda.python, wheels=(), text="", conda=conda)
    if conda is OLD:
        lock = Lock(python="3.11", wheels=(), text="", kernel=lock)
    assert entrypoint(tmp_path, lock) == ()
    script = tmp_path / place.removeprefix(PREFIX).lstrip("/") / ACTIVATE
    script.parent.mkdir(parents=True)
    script.write_text("")
    assert entrypoint(tmp_path, lock) == (f"/{place}/{ACTIVATE}",)
