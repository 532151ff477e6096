"""Tokens that users store, and those that an admin lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from hubkiln.database import Database, credentials_table
from hubkiln.errors import BadSpec, ServiceError, Unsupported
from hubkiln.repositories import Keyring, check_keys, read_tokens
from hubkiln.testing.database import fresh_database

KEY, OTHER = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await fresh_database(tmp_path)
    yield database
    await database.close()


async def test_a_token_is_kept_for_its_owner_alone_and_unreadable(database: Database) -> None:
    """What lies in the table says nothing, not even whose it is."""
    keyring = Keyring(database, (KEY,))
    await keyring.store("ada.lovelace", "GitHub.com", "t0ken")
    (row,) = await rows(database)
    assert "t0ken" not in str(row) and "ada.lovelace" not in str(row)
    assert await keyring.tokens("ada.lovelace") == {"github.com": "t0ken"}
    assert await keyring.tokens("grace") == {}
    assert "t0ken" not in repr(keyring) and KEY not in repr(keyring)


async def test_one_users_row_is_of_no_use_to_another(database: Database) -> None:
    """Copied to another's name it opens nothing."""
    keyring = Keyring(database, (KEY,))
    await keyring.store("ada", "github.com", "t0ken")
    ((_, adas),) = await rows(database)
    await keyring.store("grace", "github.com", "other")
    async with database.writing() as connection:
        await connection.execute(update(credentials_table).values(sealed=adas))
    assert await keyring.tokens("grace") == {}


async def test_without_a_key_nothing_is_kept(database: Database) -> None:
    """It is said so, instead of keeping it in the open."""
    with pytest.raises(Unsupported):
        await Keyring(database).store("ada", "github.com", "t0ken")
    assert await rows(database) == []


async def test_another_key_is_said(database: Database) -> None:
    """Not taken for a user without tokens."""
    await Keyring(database, (KEY,)).store("ada", "github.com", "t0ken")
    with pytest.raises(ServiceError, match="another one"):
        await Keyring(database, (OTHER,)).tokens("ada")


async def test_a_key_is_changed_without_losing_what_was_stored(database: Database) -> None:
    """The new one goes first, the old one after it; once all is encrypted anew, the old one can go."""
    await Keyring(database, (KEY,)).store("ada", "github.com", "t0ken")
    both = Keyring(database, (OTHER, KEY))
    assert await both.tokens("ada") == {"github.com": "t0ken"}
    assert (await both.renew(), await both.renew()) == (1, 0)
    assert await Keyring(database, (OTHER,)).tokens("ada") == {"github.com": "t0ken"}


async def test_tokens_that_are_stored_at_once_are_all_kept(database: Database) -> None:
    """By whatever replica: each reads what is there while it alone may write."""
    keyrings = [Keyring(database, (KEY,)) for _ in range(4)]
    await asyncio.gather(*(keyring.store("ada", f"h{n}", "t") for n, keyring in enumerate(keyrings)))
    assert await keyrings[0].hosts("ada") == ["h0", "h1", "h2", "h3"]
    await keyrings[1].remove("ada", "h0")
    assert await keyrings[0].hosts("ada") == ["h1", "h2", "h3"]


async def rows(database: Database) -> list[tuple[str, str]]:
    """The table as it lies there."""
    async with database.reading() as connection:
        return [(row.owner, row.sealed) for row in await connection.execute(select(credentials_table))]


@pytest.mark.parametrize(
    ("host", "token"),
    [
        ("", "t"),
        ("a b", "t"),
        ("https://h/../org", "t"),
        ("https://h/org?x", "t"),
        ("h:x", "t"),
        ("me@h", "t"),
        ("ssh://h", "t"),
        ("h", ""),
        ("h", "a\nb"),
        ("h", "x" * 5000),
    ],
)
async def test_what_is_no_token_is_refused(database: Database, host: str, token: str) -> None:
    """A line break would end one line of what git is told and begin another."""
    with pytest.raises(BadSpec):
        await Keyring(database, (KEY,)).store("ada", host, token)


def test_an_admins_list_names_the_line_at_fault_and_not_the_token(tmp_path: Path) -> None:
    """Hosts and tokens, a line each; comments are allowed."""
    (tmp_path / "list").write_text("# forges\nGit.example.org t0ken\n")
    assert read_tokens(tmp_path / "list") == {"git.example.org": "t0ken"}
    (tmp_path / "list").write_text("t0ken\n")
    with pytest.raises(BadSpec, match="Line 1") as caught:
        read_tokens(tmp_path / "list")
    assert "t0ken" not in str(caught.value)


def test_a_key_that_is_none_is_refused() -> None:
    """At the start, not when the first user stores something."""
    assert check_keys((KEY, OTHER)) == (KEY, OTHER)
    with pytest.raises(BadSpec) as caught:
        check_keys((KEY, "secret"))
    assert "secret" not in str(caught.value)
