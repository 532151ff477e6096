"""Everything that the service can be asked can be asked through the client, or it is said here why not."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from hubkiln.client import AsyncClient, Client, Order
from hubkiln.errors import BadSpec, NotFound, UserError
from hubkiln.testing.loopback import Loopback
from hubkiln.web.reference import document

NOT_FOR_CLIENTS = {
    ("GET", "/api/images"): "the hub's question, with its own token",
    ("POST", "/api/webhooks/{source}"): "forges sign what they send there",
    ("OPTIONS", "/build/{rest}"): "browsers ask it before they let another site's page read",
    ("GET", "/_config"): "BinderHub's older form of api/repoproviders",
}

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "build": ("org/repo",),
    "order": (Order(spec="org/repo", notify="https://example.org/x"),),
    "follow": ("1",),
    "wait": ("1",),
    "show": ("1",),
    "builds": (),
    "cancel": ("1",),
    "retry": ("1",),
    "log": ("1",),
    "launch": ("gh/org/repo/HEAD",),
    "forecast": ("org/repo",),
    "recognise": ("org/repo",),
    "refs": ("org/repo",),
    "limits": (),
    "environments": (),
    "environment": ("1",),
    "change_environment": ("1",),
    "forget_environment": ("1",),
    "build_environment": ("1",),
    "copy_environment": ("1",),
    "newer": ("1", "2"),
    "packages": ("1",),
    "export": ("1", "requirements.txt"),
    "see_image": ("x:1",),
    "token_hosts": (),
    "store_token": ("example.org", "x"),
    "forget_token": ("example.org",),
    "engine": (),
    "providers": (),
    "versions": (),
    "health": (),
    "storage": (),
    "storage_of_users": (),
    "rules": (),
    "add_rule": (),
    "remove_rule": ("1",),
    "occasions": (),
    "add_occasion": (),
    "remove_occasion": ("1",),
    "schedules": (),
    "add_schedule": (),
    "run_schedule": ("1",),
    "pause_schedule": ("1",),
    "let_schedule_go_on": ("1",),
    "remove_schedule": ("1",),
    "kept_of_user": ("ada",),
    "forget_user": ("ada",),
    "rename_user": ("ada", "grace"),
}

LONG = [(name, ("inline/" + "a" * 5000,)) for name in ("forecast", "recognise")]
"""Lists that an address has no room for."""


async def test_every_address_of_the_description_is_reached() -> None:
    """By some method; each one asks an address that is described, and no method is forgotten here."""
    asked: list[tuple[str, str]] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, _ = (await reader.readline()).decode().split(" ")
        asked.append((method, path.partition("?")[0]))
        said = b'{"error": {"code": "not_found", "message": "There is no such thing.", "hint": ""}}'
        head = f"HTTP/1.1 404 -\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + said)
        await writer.drain()

    public = {name for name in vars(AsyncClient) if not name.startswith("_")}
    assert public == set(ARGUMENTS)
    async with Loopback(refuse) as service, AsyncClient(f"http://{service.host}/", "ada") as client:
        for name, arguments in (*ARGUMENTS.items(), *LONG):
            before = len(asked)
            try:
                called = getattr(client, name)(*arguments)
                if hasattr(called, "__aiter__"):
                    async for _ in called:
                        raise AssertionError("it was refused")
                else:
                    await called
            except NotFound:
                pass
            assert len(asked) == before + 1, name
    described = {
        (method.upper(), path)
        for path, methods in document()["paths"].items()
        for method in methods
        if method != "head"
    }
    patterns = {one: re.sub(r"\{rest\}", ".+", one[1]) for one in described}
    patterns = {one: re.sub(r"\{\w+\}", "[^/]+", pattern) for one, pattern in patterns.items()}
    reached = {
        one
        for one, pattern in patterns.items()
        if any(method == one[0] and re.fullmatch(pattern, path) for method, path in asked)
    }
    assert described - reached == set(NOT_FOR_CLIENTS)
    known = [any(m == one[0] and re.fullmatch(pattern, p) for one, pattern in patterns.items()) for m, p in asked]
    assert all(known), asked


@pytest.mark.parametrize("token", ["", "\n", "one two", "one\ntwo", "t\u00f6ken"])
def test_what_is_no_token_is_refused_before_anything_is_asked(token: str) -> None:
    """Whose turn it is: not the service's, of which nothing was heard."""
    for client in (Client, AsyncClient):
        with pytest.raises(BadSpec, match="no Hub token"):
            client("https://hub.example.org/services/binder/", token)


async def test_a_token_may_have_the_line_break_of_its_file() -> None:
    """As ``Path("token").read_text()`` gives it."""
    heard: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend((await reader.readuntil(b"\r\n\r\n")).splitlines())
        writer.write(b"HTTP/1.1 404 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async with Loopback(refuse) as service, AsyncClient(f"http://{service.host}/", "ada\n") as client:
        with pytest.raises(UserError):
            await client.show("1")
    assert b"authorization: bearer ada" in {line.lower() for line in heard}
