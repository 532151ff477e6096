"""Tokens that users store, and those that an admin lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from hubkiln.errors import BadSpec, ServiceError, Unsupported
from hubkiln.repositories import Keyring, check_key, read_tokens

KEY = Fernet.generate_key().decode()


async def test_a_token_is_kept_for_its_owner_alone_and_unreadable(tmp_path: Path) -> None:
    """What lies on disk says nothing, and is nobody else's to read."""
    keyring = Keyring(tmp_path / "keys", KEY)
    await keyring.store("ada", "GitHub.com", "t0ken")
    (file,) = (tmp_path / "keys").iterdir()
    assert b"t0ken" not in file.read_bytes() and b"ada" not in file.read_bytes()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert await keyring.tokens("ada") == {"github.com": "t0ken"}
    assert await keyring.tokens("grace") == {}
    assert "t0ken" not in repr(keyring) and KEY not in repr(keyring)


async def test_one_users_file_is_of_no_use_to_another(tmp_path: Path) -> None:
    """Copied to another's name it opens nothing."""
    keyring = Keyring(tmp_path, KEY)
    await keyring.store("ada", "github.com", "t0ken")
    (file,) = tmp_path.iterdir()
    await keyring.store("grace", "github.com", "other")
    (grace,) = (path for path in tmp_path.iterdir() if path != file)
    grace.write_bytes(file.read_bytes())
    assert await keyring.tokens("grace") == {}


async def test_without_a_key_nothing_is_kept(tmp_path: Path) -> None:
    """It is said so, instead of keeping it in the open."""
    with pytest.raises(Unsupported):
        await Keyring(tmp_path).store("ada", "github.com", "t0ken")
    assert list(tmp_path.iterdir()) == []


async def test_another_key_is_said(tmp_path: Path) -> None:
    """Not taken for a user without tokens."""
    await Keyring(tmp_path, KEY).store("ada", "github.com", "t0ken")
    with pytest.raises(ServiceError, match="another one"):
        await Keyring(tmp_path, Fernet.generate_key().decode()).tokens("ada")


@pytest.mark.parametrize(
    ("host", "token"), [("", "t"), ("a b", "t"), ("https://h", "t"), ("h", ""), ("h", "a\nb"), ("h", "x" * 5000)]
)
async def test_what_is_no_token_is_refused(tmp_path: Path, host: str, token: str) -> None:
    """A line break would end one line of what git is told and begin another."""
    with pytest.raises(BadSpec):
        await Keyring(tmp_path, KEY).store("ada", host, token)


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
    assert check_key(KEY) == KEY
    with pytest.raises(BadSpec):
        check_key("secret")
