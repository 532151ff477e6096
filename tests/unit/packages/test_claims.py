"""Two builds that need the same package do not both unpack it."""

from __future__ import annotations

from pathlib import Path

from hubkiln.packages.store import claimed


def test_only_one_holds_a_claim(tmp_path: Path) -> None:
    """A second claimant is told so at once."""
    with claimed(tmp_path / "x", wait=False) as first, claimed(tmp_path / "x", wait=False) as second:
        assert (first, second) == (True, False)


def test_a_claim_ends_with_its_holder(tmp_path: Path) -> None:
    """What was claimed before can be claimed again, and leaves no file."""
    with claimed(tmp_path / "x", wait=False):
        pass
    with claimed(tmp_path / "x", wait=True) as again:
        assert again
    assert not list(tmp_path.iterdir())
