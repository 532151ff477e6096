"""Documents as another machine might send them: a good one in which something is otherwise."""

from __future__ import annotations

import copy
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from hypothesis import strategies as st

from hubkiln.repositories.api import unexpected

Answer = TypeVar("Answer")

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["\\g<9>", "\\1", "..", "/", "0001-01-01T00:00:00+23:59", "0001-01-01", "http://[", "%", "\0"]),
)
NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([10**30, -(10**30), 2.5, 1e300]))

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)
"""Anything that JSON can say."""


def damaged(document: Any) -> st.SearchStrategy[Any]:
    """`document`, or the same with one value of it left out, or in its place another one."""
    paths = [(), *_paths(document)]
    return st.builds(_changed, st.just(document), st.sampled_from(paths), st.one_of(st.just(_OUT), JSON, TEXTS))


_OUT = object()


def _paths(document: Any) -> Iterator[tuple[Any, ...]]:
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in inner:
        yield (key,)
        if isinstance(value, dict | list):
            yield from ((key, *path) for path in _paths(value))


def _changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return document if value is _OUT else value
    made = copy.deepcopy(document)
    place = made
    for key in path[:-1]:
        place = place[key]
    if value is _OUT:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return made


class Host:
    """Answers everything with one document."""

    def __init__(self, document: Any) -> None:
        self._document = document

    async def get(self, url: str, **how: Any) -> Any:
        """See :class:`hubkiln.repositories.api.Api`."""
        if not isinstance(self._document, dict):
            raise unexpected(url)
        return self._document

    async def list(self, url: str, **how: Any) -> Any:
        """See :class:`hubkiln.repositories.api.Api`."""
        versions = self._document.get("files") if isinstance(self._document, dict) else None
        if not isinstance(versions, list) or not all(isinstance(one, dict) for one in versions):
            raise unexpected(url)
        return versions


def at_once(asking: Coroutine[Any, Any, Answer]) -> Answer:
    """What comes of it; nobody is waited for, and a loop for each document takes longer than all else."""
    try:
        asking.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    raise AssertionError("it waits for somebody")
