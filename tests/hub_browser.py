"""What a person's browser does with a hub, for tests: log in, read the spawn page, post its form, call the Hub API."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

BROWSER = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Browser:
    """A logged-in user."""

    hub: str
    client: httpx.AsyncClient
    name: str
    xsrf: str = ""

    async def spawn_page(self, query: str = "") -> httpx.Response:
        """The spawn page; `query` may begin with a path below it."""
        return await self.client.get(f"{self.hub}/hub/spawn{query}")

    async def page(self) -> dict[str, Any]:
        """What the spawn page tells the front end."""
        return told(await self.spawn_page())

    async def start(self, **fields: str) -> httpx.Response:
        """Post the form."""
        self.xsrf = (await self.page())["xsrf"]
        return await self.client.post(f"{self.hub}/hub/spawn", params={"_xsrf": self.xsrf}, data=fields)

    async def api(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Call the Hub API as the page's script does."""
        self.xsrf = self.xsrf or (await self.page())["xsrf"]
        url = f"{self.hub}/hub/api/{path}"
        answer = await self.client.request(method, url, params={"_xsrf": self.xsrf}, headers=BROWSER, **arguments)
        if answer.status_code != 403 or "XSRF" not in answer.text:
            return answer
        self.xsrf = (await self.page())["xsrf"]  # the hub has given this browser another cookie: its next page knows
        return await self.client.request(method, url, params={"_xsrf": self.xsrf}, headers=BROWSER, **arguments)

    async def progress(self) -> list[dict[str, Any]]:
        """Everything that the progress page shows, to the end."""
        url = f"{self.hub}/hub/api/users/{self.name}/server/progress"
        shown = []
        async with self.client.stream("GET", url) as events:
            async for line in events.aiter_lines():
                if line.startswith("data:"):
                    shown.append(json.loads(line.removeprefix("data:")))
                    if shown[-1].get("ready") or shown[-1].get("failed"):
                        break
        return shown

    async def stop(self) -> None:
        """Stop the server, and return when the hub says that it has ended: before, it starts no other."""
        path = f"users/{self.name}"
        async with asyncio.timeout(150):
            while True:  # one that starts is not stopped yet
                await self.api("DELETE", f"{path}/server")
                if "" not in (await self.api("GET", path)).json()["servers"]:
                    return
                await asyncio.sleep(0.05)

    async def running(self) -> dict[str, Any]:
        """What the started server says, once it is there; stops it."""
        await self.progress()
        answer: dict[str, Any] = (await self.client.get(f"{self.hub}/user/{self.name}/")).json()
        model = (await self.api("GET", f"users/{self.name}")).json()
        await self.stop()
        return answer | {"user_options": model["servers"][""]["user_options"]}


def told(answer: httpx.Response) -> dict[str, Any]:
    """The JSON in the spawn page."""
    found = re.search(r'id="hubkiln-page">(.*?)</script>', answer.text)
    assert found, answer.text
    result: dict[str, Any] = json.loads(found[1])
    return result


def alert(answer: httpx.Response) -> str:
    """The error that JupyterHub shows above the form."""
    found = re.search(r"spawn-error-msg[^>]*>(.*?)</p>", answer.text, re.DOTALL)
    return found[1].replace("&#39;", "'") if found else ""


@asynccontextmanager
async def logged_in(hub: str, name: str, password: str = "x") -> AsyncIterator[Browser]:
    """A new session; its connections end with it, also where the test fails."""
    async with httpx.AsyncClient(follow_redirects=True, timeout=60, trust_env=False, verify=False) as client:
        page = await client.get(f"{hub}/hub/login")
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert xsrf
        await client.post(f"{hub}/hub/login", data={"username": name, "password": password, "_xsrf": xsrf[1]})
        yield Browser(hub, client, name)
