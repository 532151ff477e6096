"""A conda lock can be kept as text."""

import pytest

from hubkiln.errors import RecipeError
from hubkiln.packages.conda import CondaLock, CondaPackage, parse_lock

NUMPY = CondaPackage(
    name="numpy",
    version="1.26.4",
    build="py311_0",
    build_number=0,
    subdir="linux-64",
    url="https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311_0.conda",
    channel="https://conda.anaconda.org/conda-forge",
    sha256="a" * 64,
    size=7,
    depends=("python >=3.11,<3.12", "libblas"),
)
LOCK = CondaLock(platform="linux-64", python="3.11", packages=(NUMPY,))


def test_a_lock_survives_being_kept_as_text() -> None:
    """Reading a lock's text gives an equal lock, with equal text and digest."""
    again = parse_lock(LOCK.text)
    assert again == LOCK
    assert (again.text, again.digest) == (LOCK.text, LOCK.digest)


def test_the_digest_does_not_depend_on_the_mirror() -> None:
    """The same package from elsewhere is the same package."""
    from dataclasses import replace

    mirrored = replace(LOCK, packages=(replace(NUMPY, url="https://mirror/numpy-1.26.4-py311_0.conda"),))
    assert mirrored.digest == LOCK.digest


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 2}', '{"version": 1, "packages": [{}]}', "null"])
def test_a_broken_lock_is_explained(text: str) -> None:
    """Text that is no lock asks for a fresh one."""
    with pytest.raises(RecipeError, match="fresh lock"):
        parse_lock(text)
