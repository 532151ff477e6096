"""Image references are read the way every container engine reads them."""

from __future__ import annotations

import pytest

from hubkiln.errors import BadSpec
from hubkiln.images.names import bare_host, is_loopback, parse_name

D = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.12-slim", "docker.io/library/python:3.12-slim"),
        ("jupyter/base-notebook", "docker.io/jupyter/base-notebook:latest"),
        ("index.docker.io/library/python", "docker.io/library/python:latest"),
        ("docker://quay.io/org/name:tag", "quay.io/org/name:tag"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/a/b:c", "localhost:5000/a/b:c"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000/a:latest"),
        ("[::1]:5000/a:b", "[::1]:5000/a:b"),
        ("Quay.IO/org/name", "quay.io/org/name:latest"),
        (f"quay.io/org/name@{D}", f"quay.io/org/name@{D}"),
        (f"quay.io/org/name:v1@{D}", f"quay.io/org/name:v1@{D}"),
        ("  python  ", "docker.io/library/python:latest"),
        ("quay.io/a__b/c-d.e_f", "quay.io/a__b/c-d.e_f:latest"),
    ],
)
def test_a_typed_name_has_one_canonical_form(typed: str, canonical: str) -> None:
    """What a person types and what is stored are the same image; reading the result again changes nothing."""
    assert str(parse_name(typed)) == canonical
    assert str(parse_name(canonical)) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "a b",
        "Python",
        "http://x/y",
        "a//b",
        "/a",
        "a/",
        "a:",
        "a:b:c",
        "quay.io/",
        "a@sha256:12",
        "a@",
        "-x",
        "a/../b",
        "quay.io/org/name:" + "t" * 129,
        "x" * 2000,
        "host:port/x",
        "a\nb",
        "a\n"[:1] + "\n/b",
        "quay.io/a:t\n/b",
        "a$b",
    ],
)
def test_what_is_no_name_is_refused_in_words(typed: str) -> None:
    """Bad names raise BadSpec with a hint that shows how to write one."""
    with pytest.raises(BadSpec) as caught:
        parse_name(typed)
    assert caught.value.hint


def test_a_capital_letter_is_named_as_the_reason() -> None:
    """The commonest slip is explained."""
    with pytest.raises(BadSpec, match="capital"):
        parse_name("quay.io/Org/name")


def test_the_digest_wins_over_the_tag() -> None:
    """A pinned reference asks for the digest, and `at` drops a tag that may move."""
    name = parse_name(f"quay.io/org/name:v1@{D}")
    assert name.reference == D
    assert str(parse_name("quay.io/org/name:v1").at(D)) == f"quay.io/org/name@{D}"
    assert parse_name("x").reference == "latest"


def test_a_bad_tag_cannot_be_put_on_a_name() -> None:
    """Tags made from keys are checked too."""
    assert parse_name("x").tagged("k1").reference == "k1"
    with pytest.raises(BadSpec):
        parse_name("x").tagged("a b")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.1.2.3:80", True),
        ("[::1]:5000", True),
        ("hub.localhost", True),
        ("quay.io", False),
        ("10.0.0.1", False),
        ("localhost.evil.org", False),
        ("127.0.0.1.evil.org", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, here: bool) -> None:
    """Plain HTTP is for hosts that cannot be anybody else."""
    assert is_loopback(host) is here


def test_bare_host_drops_port_and_brackets() -> None:
    """The guard is asked about hosts, not ports."""
    assert [bare_host(h) for h in ("a:1", "[::1]:2", "a")] == ["a", "::1", "a"]
