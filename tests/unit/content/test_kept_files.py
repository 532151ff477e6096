"""The store of repositories' files: fetched once, and whose they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.content.store import Contents
from hubkiln.data_dir import DataDir
from hubkiln.errors import AccessDenied
from hubkiln.values import Checkout, Revision, Say, Spec

PRIVATE = Revision(
    spec=Spec(provider="git", repository="https://h/r", reader="ada"), commit="a" * 40, url="https://h/r", name="r"
)


class Host:
    """Gives the files to `ada` alone."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        self.fetched.append(revision.spec.reader)
        if revision.spec.reader != "ada":
            raise AccessDenied("It is private.")
        into.mkdir()
        (into / "a.txt").write_text("secret")
        return Checkout(revision=revision, path=into)

    async def committed_at(self, revision: Revision, folder: Path) -> None:
        return None

    async def tags(self, revision: Revision) -> str:
        return ""

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        return ""


async def test_files_of_a_private_repository_are_fetched_for_each_who_may_read_it(tmp_path: Path) -> None:
    """Once for one reader; whoever else knows the commit has to ask its host."""
    host = Host()
    contents = Contents(DataDir(tmp_path).make().own("content"), host, prepare=lambda path: None)
    for _ in range(2):
        kept = await contents.ensure(PRIVATE, lambda text: None)
        assert (kept.root / "a.txt").read_text() == "secret"
    for reader in ("grace", ""):
        other = replace(PRIVATE, spec=replace(PRIVATE.spec, reader=reader))
        assert not contents.here(other)
        with pytest.raises(AccessDenied):
            await contents.ensure(other, lambda text: None)
    assert host.fetched == ["ada", "grace", ""]
