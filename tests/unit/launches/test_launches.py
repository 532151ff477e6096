"""Names of servers, and signed texts."""

from __future__ import annotations

import re

import pytest
from jupyterhub.slugs import is_valid_safe_slug

from hubkiln.launches import server_name, user_name
from hubkiln.signing import Signer


@pytest.mark.parametrize("name", ["org/repo", "Ünïcode", "", "--a--", "x" * 99, "a" * 20 + "-" * 9, "9/9", "文字"])
def test_18_names_pass_the_hubs_own_rule(name: str) -> None:
    """JupyterHub 6's, for servers of whatever repository; the same image has the same name, another another."""
    found = server_name(name, "reg/x:1")
    assert is_valid_safe_slug(found) and len(found) <= 30
    assert found == server_name(name, "reg/x:1") != server_name(name, "reg/x:2")


def test_temporary_users_are_new_each_time() -> None:
    """Nobody guesses another's name."""
    names = {user_name("org/repo") for _ in range(50)}
    assert len(names) == 50 and all(re.fullmatch(r"org-repo-[a-z0-9]{12}", name) for name in names)


def test_a_signed_text_is_for_one_purpose_and_a_while() -> None:
    """Another secret, purpose or letter, or a later hour, and it is nobody's."""
    now = [1000.0]
    signer = Signer("s", lambda: now[0])
    text = signer.sign("a", "välue", 60)
    assert signer.read("a", text) == "välue"
    assert signer.read("b", text) is Signer("t").read("a", text) is signer.read("a", text[:-1]) is None
    assert signer.read("a", "") is signer.read("a", "é.é") is signer.read("a", f"x{text}") is None
    now[0] += 61
    assert signer.read("a", text) is None
