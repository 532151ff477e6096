"""The files that repo2docker is given."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from hubkiln.composer.repo2docker.order import Repo2dockerOrder


def laid_out(order: Repo2dockerOrder, root: Path) -> tuple[Path, str]:
    """
    A folder, and what of it is to be built: the repository, or the recipe's files alone where nothing else counts.

    Those are copied to `root`, a folder to be made.
    """
    content = order.content
    if not order.split:
        return content.for_builds.path, order.revision.spec.subdir
    root.mkdir()
    for name, _ in order.recipe.files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(content.root / name, root / name)
        if name.rpartition("/")[2] == "runtime.txt":
            (root / name).write_text(normalised_runtime((root / name).read_text(errors="replace")))
    return root, ""


def dockerfile_of(order: Repo2dockerOrder) -> Path:
    """Where the Dockerfile of `order` is."""
    return order.content.root / order.recipe.folder / "Dockerfile"


def normalised_runtime(text: str) -> str:
    """`text` of a ``runtime.txt`` with a Python as repo2docker knows them: ``python-3.7.17`` is ``python-3.7``."""
    return re.sub(r"\A(\s*python-\d+\.\d+)\.\d+", r"\1", text)
