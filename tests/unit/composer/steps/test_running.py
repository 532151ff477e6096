"""What a step says on its way to the log."""

from __future__ import annotations

import pytest

from hubkiln.composer.steps.running import Tail


@pytest.mark.parametrize(
    ("texts", "said"),
    [(["a", "b"], "ab\n"), (["a\n"], "a\n"), ([], ""), (["a\r\n", "b\r"], "a\r\nb\r\n")],
)
def test_a_steps_last_line_is_ended(texts: list[str], said: str) -> None:
    """`printf done` is not joined with what is said next."""
    heard: list[str] = []
    tail = Tail(heard.append)
    for text in texts:
        tail(text)
    tail.end()
    assert "".join(heard) == said
