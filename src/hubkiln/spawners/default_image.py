"""The environment without anything added: built by the build service when somebody first needs it.

It is the inline recipe that asks only for what every environment has. Asking again joins a running build or finds
the finished one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx

from hubkiln.errors import BuildFailed, ServiceError
from hubkiln.values import Say

DEFAULT = "hubkiln:default"
"""What a profile says as ``image`` for it."""

RECIPE = "inline/jupyterlab"


@dataclass(frozen=True, slots=True)
class DefaultImage:
    """Asks the build service at `url` (its prefix, with a trailing slash)."""

    url: str
    token: str = field(repr=False)

    async def get(self, say: Say) -> str:
        """
        The image's reference, after building it if need be; `say` hears each phase.

        Raises:
            BuildFailed: it could not be built.
            ServiceError: the build service does not answer.
        """
        headers = {"Authorization": f"token {self.token}"}
        try:
            async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30) as client:
                answer = await client.post("api/builds", json={"spec": RECIPE})
                build = answer.json()
                if answer.is_error:
                    raise _failed({"phase": "refused", "error": build["error"]})
                if build["phase"] not in ("ready", "failed", "cancelled", "interrupted"):
                    build = await _followed(client, build["id"], say)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise ServiceError(
                "The build service does not answer, so the default environment cannot be made.",
                hint="Try again in a minute; an admin finds the reason in the hub's log.",
            ) from error
        if build["phase"] != "ready":
            raise _failed(build)
        return str(build["image"])


async def _followed(client: httpx.AsyncClient, build_id: str, say: Say) -> dict[str, object]:
    async with client.stream("GET", f"api/builds/{build_id}/events", timeout=httpx.Timeout(30, read=90)) as answer:
        answer.raise_for_status()
        async for event in _events(answer):
            if event["type"] == "phase":
                say(str(event["phase"]))
            elif event["type"] == "end":
                ended: dict[str, object] = event["build"]  # type: ignore[assignment]
                return ended
    raise ValueError("the stream of events ended early")


async def _events(answer: httpx.Response) -> AsyncIterator[dict[str, object]]:
    async for line in answer.aiter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def _failed(build: dict[str, object]) -> BuildFailed:
    error = build.get("error") or {}
    assert isinstance(error, dict)
    why = error.get("message") or f"its build was {build['phase']}."
    return BuildFailed(f"The default environment could not be made: {why}", hint=str(error.get("hint") or ""))
