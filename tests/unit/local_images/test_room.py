"""Whether what an image is made of is still on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.errors import NotFound
from hubkiln.local_images import LocalImage, room_for
from hubkiln.made_images import present_in, there_in
from hubkiln.values import KERNEL_PREFIX, PREFIX

OWN = LocalImage(name="work", environment="e" * 64)


class NoRegistry:
    """References of a hub that pushes nothing."""

    async def there(self, *_: object) -> None:
        """Not known."""


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """A data folder with an environment whose Python lies in it, as one that was brought does."""
    data = DataDir(tmp_path / "data").make()
    python = data.pythons / "cpython-3.11/bin/python3.11"
    python.parent.mkdir(parents=True)
    python.touch()
    links(data, "bin/python", python)
    return data


def links(data: DataDir, below: str, python: Path) -> None:
    """Let the environment's `below` lead to `python`."""
    link = data.environments / str(OWN.environment) / below
    link.parent.mkdir(parents=True)
    link.symlink_to(python)


async def known(data: DataDir, image: LocalImage = OWN) -> set[bool | None]:
    """What the service is told of `image`: for its list of environments, and for who asks for the same again."""
    images: Any = SimpleNamespace(get=lambda reference: image)
    workshop: Any = SimpleNamespace(references=NoRegistry(), images=images, data=data)
    reference = f"hubkiln.local/work@sha256:{'0' * 64}"
    return {
        await there_in(workshop)(reference),
        await present_in(workshop)(SimpleNamespace(image=reference, tag="")),  # type: ignore[arg-type]
    }


def starts(data: DataDir, image: LocalImage = OWN) -> None:
    """Make the room that a server of `image` would have."""
    room_for(data.rooms, image, home=None, work=data.work)


async def test_an_environment_whose_python_is_there_starts(data: DataDir) -> None:
    """Where it was when the environment was made."""
    starts(data)
    assert await known(data) == {True}


def moved(data: DataDir) -> DataDir:
    """The folder is moved."""
    return DataDir(data.root.rename(data.root.with_name("moved")))


def removed(data: DataDir) -> DataDir:
    """The machine has another Python now."""
    (data.pythons / "cpython-3.11/bin/python3.11").unlink()
    return data


def kernels(data: DataDir) -> DataDir:
    """That of notebooks alone has left, whose server has another."""
    links(data, f"{KERNEL_PREFIX.removeprefix(f'{PREFIX}/')}/bin/python", data.root / "gone")
    return data


@pytest.mark.parametrize("leaves", [moved, removed, kernels])
async def test_an_environment_whose_python_has_left_is_gone(
    data: DataDir, leaves: Callable[[DataDir], DataDir]
) -> None:
    """It is not taken for ready, so that it is built again; a start says what is wrong instead of breaking off."""
    left = leaves(data)
    assert await known(left) == {False}
    with pytest.raises(NotFound, match="Python of this environment is no longer"):
        starts(left)


async def test_an_image_brings_its_own_python(data: DataDir) -> None:
    """What its environment links to lies in its layers, and is none of the machine's."""
    image = LocalImage(name="work", environment=OWN.environment, rootfs=("layer",))
    (data.images / "layers/layer").mkdir(parents=True)
    removed(data)
    starts(data, image)
    assert await known(data, image) == {True}
