"""Nothing that looks like a secret is recorded, however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkiln.builds.events import Log, Planned
from hubkiln.builds.redaction import LONGEST_WORD, Redactor, Stream

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"

SECRETS = [
    ("clone https://ada:hunter22@example.org/r.git", "hunter22"),
    ("clone https://ghs_notlong@github.com/o/r", "ghs_notlong"),
    ("postgresql://svc:s3cr3t-pw@db/x", "s3cr3t-pw"),
    ("token ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
    ("github_pat_11ABCDEFG0abcdefghijkl_xyz", "github_pat_11ABCDEFG0abcdefghijkl_xyz"),
    ("using glpat-ABCDEFabcdef12345678", "glpat-ABCDEFabcdef12345678"),
    ("aws AKIAIOSFODNN7EXAMPLE here", "AKIAIOSFODNN7EXAMPLE"),
    (f"jwt {JWT}", JWT),
    ("Authorization: Bearer abc.def.ghi", "abc.def.ghi"),
    ("authorization: token 0123456789abcdef", "0123456789abcdef"),
    ("PRIVATE-TOKEN: 0123456789abcdef", "0123456789abcdef"),
    ("GET /x?private_token=abc123&y=1", "abc123"),
    ("GET /x?a=1&access_token=abc123", "abc123"),
    ("export DB_PASSWORD=correct-horse", "correct-horse"),
    ("MY_TOKEN=0123456789", "0123456789"),
    ("the known one is tr0ub4dor&3 ok", "tr0ub4dor&3"),
]

HARMLESS = [
    "HEAD is now at 0123456789abcdef0123456789abcdef01234567\n",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n",
    "Collecting tokenizers==0.15.2\n",
    "Collecting huggingface-token==1.0.0-long-version\n",
    "git clone ssh://git@github.com/o/r and git@github.com:o/r.git\n",
    "https://example.org/a@b/c?page=2\n",
    "secretstorage==3.3.3 passwordmeter token\n",
    "\x1b[32mok\x1b[0m 100%\r\n",
]

REDACTOR = Redactor(("tr0ub4dor&3",))


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_taken_out(text: str, secret: str) -> None:
    """Each shape is recognised; the text around it stays."""
    clean = REDACTOR.text(text)
    assert secret not in clean and "***" in clean and clean[:3] == text[:3].replace(secret[:3], "***")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    """Commits, digests, versions, addresses and colours are not secrets."""
    assert REDACTOR.text(text) == text


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_no_cut_lets_a_secret_through(text: str, secret: str) -> None:
    """Whatever two pieces a secret comes in, the log does not hold it."""
    for cut in range(len(text)):
        stream = Stream(REDACTOR)
        assert secret not in stream.add(text[:cut]) + stream.add(text[cut:]) + stream.rest()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*HARMLESS, "word", " ", "\n", "é "]), max_size=30))
def test_harmless_text_comes_out_whole(pieces: list[str]) -> None:
    """Holding words back loses nothing and changes no order."""
    stream = Stream(REDACTOR)
    text = "".join(pieces)
    if REDACTOR.text(text) == text:
        assert "".join(stream.add(piece) for piece in pieces) + stream.rest() == text


def test_a_word_without_end_is_let_go() -> None:
    """A run without white space does not grow for ever in memory."""
    stream = Stream(REDACTOR)
    out = sum(len(stream.add("x" * 1000)) for _ in range(100))
    assert out >= 100_000 - LONGEST_WORD


def test_text_is_made_storable() -> None:
    """NUL and half characters are replaced: PostgreSQL and UTF-8 take neither."""
    assert Stream(REDACTOR).add("a\0b\ud800c\n") == "a\ufffdb?c\n"


def test_events_are_cleaned_too() -> None:
    """Reasons and single log events."""
    why = REDACTOR.event(Planned("compose", ("from https://a:bcdef@h/",)))
    assert why == Planned("compose", ("from https://***@h/",))
    assert REDACTOR.event(Log("tr0ub4dor&3\n")) == Log("***\n")
