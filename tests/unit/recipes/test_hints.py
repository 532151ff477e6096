"""What people write in the wrong way gets the hint that fits, and what is passed over beside it is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.errors import RecipeError
from hubkiln.recipes import read

Write = Callable[..., Path]
BUILT = '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"environment.yml": "dependencies:\n- bzip2: 1.2\n"}, "`- bzip2`, and no colon"),
        ({"environment.yml": "dependencies:\n- bzip2: 12\n"}, "`- bzip2=12`"),
        ({"environment.yml": "dependencies:\n- sel(win): pywin32\n"}, "conda's documentation"),
        ({"environment.yml": "dependencies:\n- -r requirements.txt\n"}, "below `- pip:`"),
        ({"environment.yml": "dependencies:\n  -\tbzip2\n"}, "takes no tabs"),
        ({"environment.yml": "dependencies:\n- pip:\n  - six\n  pip:\n  - toolz\n"}, "Keep one of the two"),
        ({"environment.yml": "dependencies:\n- bzip2\n---\nname: x\n"}, "Remove one of the two"),
        ({"environment.yml": "name: @x\n"}, "quotation marks"),
        ({"environment.yml": "- bzip2\n"}, "below a line `dependencies:`"),
        ({"requirements.txt": "C:\\x\\y-1-py3-none-any.whl\n"}, "pip list --format"),
        ({"requirements.txt": "x @ file:///C:/x/y-1-py3-none-any.whl\n"}, "pip list --format"),
        ({"requirements.txt": "six;#why\n"}, "space before its `#`"),
        ({"environment.yml": 'said:\n  File "x", line 1\n' * 2 + "said"}, "quotation marks"),
        ({"environment.yml": 'a: "\n\n'}, "Check its indentation"),
        ({"apt.txt": "https://h/x.deb\n"}, "Debian itself"),
        ({"apt.txt": "ppa:team/x\n"}, "Debian itself"),
        ({"apt.txt": "nano-\n"}, "cannot be removed"),
        ({"apt.txt": "libc6:i386\n"}, "name alone"),
    ],
)
def test_a_hint_fits_the_mistake(write: Write, files: dict[str, str], words: str) -> None:
    """What to write in its place, not what somebody else's mistake would need."""
    with pytest.raises(RecipeError) as caught:
        read(write(files))
    assert words in caught.value.hint, caught.value.hint


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"environment.yml": "dependencies: [python]", "environment.yaml": "dependencies: [zlib]"},
            "`environment.yaml` is ignored because there is `environment.yml`.",
        ),
        (
            {"pyproject.toml": BUILT + '[tool.flit.metadata]\nmodule = "demo"\nrequires = ["six"]\n'},
            "they stand in `[tool.flit.metadata]`",
        ),
        (
            {"pyproject.toml": BUILT, "setup.cfg": "[metadata]\nname = demo\n"},
            "or a `pyproject.toml` with `[project]` and `[build-system]`",
        ),
    ],
)
def test_what_is_passed_over_is_said(write: Write, files: dict[str, str], words: str) -> None:
    """A second file of one kind, an old tool's own table, a file that needs another beside it."""
    assert any(words in sentence for sentence in read(write(files)).warnings)
