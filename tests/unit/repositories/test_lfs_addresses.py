"""Where a repository's large files are asked for."""

from __future__ import annotations

import pytest

from hubkiln.errors import Refused
from hubkiln.repositories.lfs_server import address_of


@pytest.mark.parametrize(
    ("repository", "chosen", "asked"),
    [
        ("https://h.example/o/r.git", "", "https://h.example/o/r.git/info/lfs"),
        ("https://h.example/o/r/", "", "https://h.example/o/r.git/info/lfs"),
        ("ssh://git@h.example/o/r.git", "", "https://h.example/o/r.git/info/lfs"),
        ("ssh://git@h.example:2222/o/r", "", "https://h.example/o/r.git/info/lfs"),
        ("https://h.example/o/r.git", "https://lfs.example/o/", "https://lfs.example/o"),
        ("https://h.example/o/r.git", "ssh://h.example:22/lfs", "https://h.example/lfs"),
    ],
)
def test_large_files_are_asked_for_over_https(repository: str, chosen: str, asked: str) -> None:
    """Beside the repository, or where it says; where that is reached over ssh, at the same host."""
    assert address_of(repository, chosen) == asked


@pytest.mark.parametrize("chosen", ["http://[", "ftp://h.example/o", "https://me:secret@h.example/o"])
def test_an_address_that_the_repository_may_not_choose_is_refused(chosen: str) -> None:
    """A repository's own ``.lfsconfig`` names it: also what is no address at all."""
    with pytest.raises(Refused, match=r"\.lfsconfig"):
        address_of("https://h.example/o/r.git", chosen)
