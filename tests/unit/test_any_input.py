"""Whatever users, browsers, forges and registries send is understood, or refused by an error of ours, never a 500."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from damaged import JSON, damaged
from hubkiln.builds.dates import as_of_date
from hubkiln.builds.lines import read_line
from hubkiln.builds.occasions import read_limits
from hubkiln.builds.schedules import next_time
from hubkiln.client.answers import refusal_of
from hubkiln.errors import HubkilnError
from hubkiln.hub.choices import choose, parse_form
from hubkiln.hub.profiles import normalise
from hubkiln.images.auth import _read_token, parse_challenges
from hubkiln.images.manifest import read_descriptor, read_layers
from hubkiln.images.names import parse_name
from hubkiln.launches.link_opening import opening
from hubkiln.repositories.refs import Listing, check_ref, check_subdir
from hubkiln.signing import Signer
from hubkiln.web.builds import byte_range
from hubkiln.web.pushes import read_push
from hubkiln.web.settings import WebSettings
from hubkiln.web.signatures import check_sender
from hubkiln.web.spelled import split_path
from hubkiln.web.telling import check_address
from hubkiln.web.visitors import address_of

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SIGNER = Signer("secret")

ODD = st.sampled_from(
    ["", "..", "%2F", "%25", "\0", "\u202e", "\ud800", "٣", "@", ":", "/", "\\", "*", "=", ",", "ß", "."]
)
TEXT = st.lists(
    st.one_of(ODD, st.text(max_size=8), st.sampled_from(["gh", "org", "sha256:", "main", "2026-11-30"]))
).map("".join)
BYTES = st.one_of(st.binary(max_size=60), TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))

PUSH = {
    "ref": "refs/heads/main",
    "after": "1" * 40,
    "deleted": False,
    "repository": {"full_name": "org/repo", "default_branch": "main"},
    "project": {"path_with_namespace": "a/b", "default_branch": "main"},
}
LAYER = {"mediaType": "application/x", "digest": "sha256:" + "0" * 64, "size": 3, "annotations": {"a": "b"}}
IMAGE = {"layers": [LAYER], "rootfs": {"diff_ids": ["sha256:" + "0" * 64]}}


def range_of_a_log(text: str) -> None:
    wanted = byte_range(text, 100)
    assert wanted is None or len(wanted) <= 100 + 10**15


def pushed(document: Any) -> None:
    for event in ({"x-github-event": "push"}, {"x-gitlab-event": "Push Hook"}):
        push = read_push(event, json.dumps(document).encode())
        assert push is None or (push.repository and push.branch)


def sender(text: str) -> None:
    for name in ("x-hub-signature-256", "x-gitea-signature", "x-gitlab-token", "webhook-signature"):
        check_sender({name: text, "webhook-id": text, "webhook-timestamp": text}, b"", "secret", 0)


def opened(text: str) -> None:
    """It stays on the server whose address it is put behind."""
    for name in ("labpath", "filepath", "urlpath"):
        address = urljoin("https://hub.example.org/user/ada/", opening({name: text}).address)
        parts = urlsplit(address)
        assert parts.netloc == "hub.example.org" and parts.path.startswith("/user/ada/"), address


def came_from(text: str) -> None:
    headers = [(b"x-forwarded-for", text.encode("latin-1", "replace"))]
    assert address_of(Request({"type": "http", "headers": headers, "client": ("127.0.0.1", 1)}), ())


PROFILES = normalise(
    [
        {
            "slug": "p",
            "display_name": "P",
            "profile_options": {"size": {"display_name": "S", "choices": {"a": {"display_name": "A"}}}},
        }
    ]
)


def form(text: str) -> None:
    """As the page posts it, as a link's query has it, and as the hub's API is told."""
    fields = {"profile": [text], "profile-option-p--size": [text], "hubkiln-open": [text]}
    for sent in (fields, fields | {"profile": ["p"]}, {text: [text]}):
        with suppress(HubkilnError):
            choose(parse_form(sent, PROFILES), PROFILES)
    for value in (text, [text], None, 3):
        with suppress(HubkilnError):
            choose({"profile": "p", "size": value, "hubkiln-open": text}, PROFILES)
    with suppress(HubkilnError):
        choose({"profile": "p", "hubkiln-open": text}, PROFILES).open.encode()


def limits(document: Any) -> None:
    read_limits(
        document if isinstance(document, dict) else {"user_builds": document, "user_build_time_daily": document}
    )


def ours(text: str) -> None:
    assert SIGNER.read("session", text) is None


def line(content: bytes) -> None:
    with suppress(ValueError):
        read_line(content)


def told(document: Any) -> None:
    assert isinstance(refusal_of(418, json.dumps(document).encode()), HubkilnError)


PARSERS: dict[str, tuple[Callable[[Any], object], st.SearchStrategy[Any]]] = {
    "an image's name": (parse_name, TEXT),
    "a ref": (check_ref, TEXT),
    "a folder": (check_subdir, TEXT),
    "a day": (lambda text: as_of_date(text, NOW), TEXT),
    "times": (
        lambda text: next_time(text, NOW),
        st.one_of(TEXT, st.lists(st.sampled_from("*0123456789/-,LW# "), max_size=20).map("".join)),
    ),
    "an address to tell": (
        lambda text: check_address(text, WebSettings(notify_hosts=("*",))),
        TEXT.map("https://".__add__),
    ),
    "a range of a log": (range_of_a_log, st.one_of(TEXT, st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True))),
    "a cookie": (ours, TEXT),
    "a signature": (sender, TEXT),
    "where a request comes from": (came_from, TEXT),
    "what a link opens": (opened, TEXT),
    "a link's path": (lambda path: split_path(b"/build/" + path, "/"), BYTES),
    "a push": (pushed, damaged(PUSH)),
    "a form": (form, TEXT),
    "limits": (limits, JSON),
    "a registry's challenge": (parse_challenges, TEXT),
    "a registry's token": (
        lambda document: _read_token(200, json.dumps(document).encode(), "x"),
        damaged({"token": "x", "expires_in": 5}),
    ),
    "a manifest": (
        lambda document: read_layers(document, document) if isinstance(document, dict) else None,
        damaged(IMAGE),
    ),
    "a descriptor": (read_descriptor, damaged(LAYER)),
    "refs of a host": (lambda text: Listing.read(text).find("main"), TEXT),
    "a line of a build's process": (line, BYTES),
    "an event of a build's process": (
        lambda told: line(json.dumps(told).encode()),
        damaged({"type": "failed", "error": {"code": "x", "message": "m", "hint": "h", "status": 400}}),
    ),
    "a refusal": (told, damaged({"error": {"code": "x", "message": "m", "hint": "h"}})),
}


@pytest.mark.parametrize("name", PARSERS)
def test_anything_is_understood_or_refused(name: str) -> None:
    """By one of our own errors, which say whose turn it is."""
    parse, texts = PARSERS[name]

    @settings(max_examples=50)
    @given(texts)
    def tried(given: Any) -> None:
        with suppress(HubkilnError):
            parse(given)

    tried()
