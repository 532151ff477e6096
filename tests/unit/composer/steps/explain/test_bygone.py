"""What a failed build needs of an older setuptools."""

from __future__ import annotations

import pytest

from hubkiln.composer.steps.explain.bygone import older_setuptools

MISSING = "Traceback (most recent call last):\n  ...\nModuleNotFoundError: No module named '{}'\nerror: exit 1\n"


@pytest.mark.parametrize(
    ("text", "minor", "limit"),
    [
        (MISSING.format("pkg_resources"), "3.14", "setuptools<82"),
        (MISSING.format("pkg_resources.extern.packaging"), "3.11", "setuptools<71"),
        (MISSING.format("setuptools.sandbox"), "3.12", "setuptools<80"),
        (MISSING.format("setuptools.command.upload_docs"), "3.10", "setuptools<75"),
        (MISSING.format("distutils.msvccompiler"), "3.12", "setuptools<74"),
        (MISSING.format("setuptools.extern.six"), "3.8", "setuptools<71"),
        (MISSING.format("setuptools.dep_util"), "3.11", "setuptools<70"),
        (MISSING.format("numpy"), "3.11", None),
        (MISSING.format("distutils"), "3.12", None),
        (MISSING.format("setuptools"), "3.12", None),
        (MISSING.format("pkg_resources_of_mine"), "3.12", None),
        ("ImportError: cannot import name 'ScanningLoader' from 'setuptools.command.test'", "3.11", "setuptools<72"),
        ("error in kiln setup command: use_2to3 is invalid.", "3.11", "setuptools<58"),
        ("error in kiln setup command: use_2to3 is invalid.", "3.12", None),
        ("ImportError: cannot import name 'Feature' from 'setuptools' (/tmp/x)", "3.9", "setuptools<46"),
        (MISSING.format("pkg_resources") + "use_2to3 is invalid\n", "3.9", "setuptools<58"),
        (MISSING.format("pkg_resources") + "fine\n" * 100 + "error: no compiler\n", "3.9", None),
        ("", "3.9", None),
    ],
)
def test_a_limit_follows_from_what_is_missing(text: str, minor: str, limit: str | None) -> None:
    """One that all parts which are missing allow, and that runs in that Python; none where setuptools is not why."""
    assert older_setuptools(text, minor) == limit


def test_a_limit_that_did_not_help_is_not_tried_again() -> None:
    """A lower one is, where the next failure asks for it."""
    assert older_setuptools(MISSING.format("pkg_resources"), "3.9", "setuptools<82") is None
    assert older_setuptools("use_2to3 is invalid", "3.9", "setuptools<82") == "setuptools<58"
