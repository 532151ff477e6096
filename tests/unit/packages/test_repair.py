"""Old packages whose description today's resolver refuses are described to it in words that it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.errors import LockFailed
from hubkiln.packages.interface import LockRequest, PackageSettings
from hubkiln.packages.repair import refused, understood
from hubkiln.packages.uv_locker import UvLocker
from hubkiln.values import Interpreter
from index_server import Index
from wheels import make_wheel


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("pytz (>=2011k)", "pytz"),
        ("pytz>=2011k ; python_version < '3'", 'pytz; python_version < "3"'),
        ("numpy (>=1.9.0)", "numpy>=1.9.0"),
        ("tool[fast] (>=1.0.dev-r5)", "tool[fast]"),
        ("six>=1.*", "six"),
        ("!!!", None),
    ],
)
def test_what_is_no_version_is_left_out(line: str, meant: str | None) -> None:
    """The name, its extras and its marker stay; what can be read stays as it is."""
    assert understood([line]) == ([meant] if meant else [])


def test_uv_tells_which_package_it_is() -> None:
    """And nothing else that it says is taken for it."""
    said = "  cause: Because pandas==0.22.0 has invalid metadata and you\n   require pandas==0.22.0, we can conclude"
    assert refused(said) == ("pandas", "0.22.0")
    assert refused("Because pandas==0.22.0 has no usable wheels") is None


async def test_such_a_package_is_locked_with_what_it_needs(
    tmp_path: Path, index: Index, wheelhouse: Path, python: Interpreter
) -> None:
    """With a note; where the index has no description to read, the failure stays."""
    bad = make_wheel(wheelhouse, "old", requires=["pytz (>=2011k)", "other (>=1.0)"])
    for name in ("pytz", "other"):
        make_wheel(wheelhouse, name)
    locker = UvLocker(PackageSettings(index_url=index.simple), tmp_path / "cache", hidden=())
    request = LockRequest(requirements=("old==1.0",), python=python, stack=False)
    with pytest.raises(LockFailed):
        await locker.lock(request, lambda text: None)
    description = "Name: old\nVersion: 1.0\nRequires-Dist: pytz (>=2011k)\nRequires-Dist: other (>=1.0)\n"
    (wheelhouse / f"{bad.name}.metadata").write_text(description)
    said: list[str] = []
    lock = await locker.lock(request, said.append)
    assert [wheel.name for wheel in lock.wheels] == ["old", "other", "pytz"]
    assert said == ["Note: old 1.0 names the versions it needs in a form that is not valid; any are taken.\n"]
