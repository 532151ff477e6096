"""Names of servers, signed texts, and a hub that is away."""

from __future__ import annotations

import asyncio
import json
import re
import socket

import pytest
from jupyterhub.slugs import is_valid_safe_slug

from hubkiln.launches import HubLauncher, Launch, LaunchFailed, LaunchSettings, server_name, user_name
from hubkiln.signing import Signer
from hubkiln.testing.loopback import Loopback


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


async def test_a_hub_that_is_away_is_asked_as_often_as_the_setting_says() -> None:
    """Each attempt is told, pauses double, and the refusal says whose turn it is."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}/hub/api"
    launcher = HubLauncher(address, "own", LaunchSettings(attempts=3, pause_seconds=0.05))
    told: list[tuple[str, float]] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(LaunchFailed, match=r"JupyterHub does not answer\. .* Try again in a few minutes\."):
        await launcher.launch(Launch(image="x:1", name="o/r"), lambda line: told.append((line, loop.time())))
    assert [line for line, _ in told] == [f"Launch attempt {n} failed, retrying...\n" for n in (1, 2)]
    assert told[1][1] - told[0][1] >= 0.05 and loop.time() - told[1][1] >= 0.1 and loop.time() - began < 10


async def test_a_hub_that_comes_back_finds_its_own_start() -> None:
    """An order that it took before it went away is not given twice: the start under way is followed."""
    asked: list[str] = []
    broken = [True]

    async def hub(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path = head.split(" ")[:2]
        asked.append(f"{method} {path.rpartition('/')[2]}")
        name = server_name("o/r", "x:1")
        server = {"ready": False, "pending": "spawn", "user_options": {"image": "x:1"}}
        if method == "POST":
            return  # it took the order, and died before it could say so
        if path.endswith("/progress"):
            body, kind = b'data: {"ready": true, "url": "/user/ada/s/"}\n\n', "text/event-stream"
        else:
            body, kind = json.dumps({"servers": {} if broken.pop() else {name: server}}).encode(), "application/json"
            broken.append(False)
        lines = ("HTTP/1.1 200 OK", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close")
        writer.write("\r\n".join((*lines, "", "")).encode() + body)
        await writer.drain()

    async with Loopback(hub) as there:
        launcher = HubLauncher(f"http://{there.host}/hub/api", "own", LaunchSettings(pause_seconds=0.01))
        launched = await launcher.launch(Launch(image="x:1", name="o/r", user="ada"), lambda line: None)
    assert launched.url == "/user/ada/s/"
    assert asked == ["GET ada", f"POST {server_name('o/r', 'x:1')}", "GET ada", "GET progress"]
