"""Names that only conda has, whatever list they stand in, and what is said of them. Pure."""

from __future__ import annotations

import re

CONDA_ALONE = re.compile(
    r"(?:r|bioconductor)-[\w.-]+|(?:c|cxx|fortran)-compiler|(?:gcc|gxx|gfortran|sysroot|binutils)(?:[_-]impl)?[_-]linux-64",
    re.IGNORECASE,
)
"""What is conda's where something else shows that too: a few packages of PyPI are called so as well."""


def said_of(package: str) -> tuple[str, str]:
    """What is wrong with asking a package index for `package` of conda's, and what to do."""
    return (
        f"`{ascii(package)[1:-1][:60]}` is a package of conda's, not of the package index.",
        "Conda packages need a repository with an environment.yml that lists them.",
    )
