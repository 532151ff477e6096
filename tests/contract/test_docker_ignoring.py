"""Our reading of ``.dockerignore`` is that of docker-py, which repo2docker uses; runs where that is installed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubkiln.content.ignoring import Ignored

build = pytest.importorskip("docker.utils.build")

NAMES = ["a", "b", "ab", "a.log", ".git", "x-y"]
PARTS = [*NAMES, "*", "?", "a*", "*.log", "[ab]", "[!a]", "[a-c]x", "a?"]
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
patterns = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("/".join)
lines = st.lists(
    st.tuples(st.sampled_from(["", "!"]), st.sampled_from(["", "/", "./"]), patterns, st.sampled_from(["", "/"])).map(
        "".join
    ),
    max_size=5,
)


def docker(given_lines: list[str], path: str) -> bool:
    """What docker-py says."""
    return bool(build.PatternMatcher(given_lines).matches(path))


@given(lines, paths)
@example(["*", "!a"], "a/b")
@example(["a/../b"], "b/a")
@example(["a", "!a/b"], "a/b")
@example([".git"], ".git/a")
def test_a_path_is_out_where_docker_leaves_it_out(given_lines: list[str], path: str) -> None:
    """Whatever the lines and wherever the path."""
    assert Ignored(given_lines)(path) is docker(given_lines, path)


@pytest.mark.parametrize(
    ("given_lines", "path"),
    [(["**/a"], "x/y/a"), (["**"], "a/b"), (["a**"], "a/b/c"), (["**/*.log"], "x/a.log"), (["a/**"], "a/b/c")],
)
def test_two_stars_cross_folders_as_in_docker(given_lines: list[str], path: str) -> None:
    """Where both agree that they do."""
    assert Ignored(given_lines)(path) is docker(given_lines, path) is True
