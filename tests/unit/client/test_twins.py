"""The two clients are one: the synchronous one is made of the other. Run this file to make it anew."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[3] / "src/hubkiln/client"

WORDS = {
    "AsyncClient": "Client",
    "AsyncIterator": "Iterator",
    "asynccontextmanager": "contextmanager",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aiter_lines": "iter_lines",
    "aread": "read",
    "asyncio.sleep": "time.sleep",
    "import asyncio": "import time",
    "``async with`` and ``await``": "``with``, made of :mod:`hubkiln.client.asynchronous` by ``test_twins.py``",
    "``async with``": "``with``",
}


def without_async(text: str) -> str:
    """The asynchronous client's text as the other's."""
    for ours, theirs in WORDS.items():
        text = text.replace(ours, theirs)
    text = re.sub(r"\b(async|await) ", "", text)
    return re.sub(r"for (\w+) in (following\.line\(line\)):\n\s+yield \1\n", r"yield from \2\n", text)


def test_the_synchronous_client_is_the_asynchronous_one() -> None:
    """A method, a default or a sentence that one of them lacks is a red test."""
    assert (CLIENT / "synchronous.py").read_text() == without_async((CLIENT / "asynchronous.py").read_text())


if __name__ == "__main__":
    (CLIENT / "synchronous.py").write_text(without_async((CLIENT / "asynchronous.py").read_text()))
    sys.exit("Written; look at it, then run `ruff format`.")
