"""Promises of the environments API and of the hub's question."""

from __future__ import annotations

from typing import Any

import pytest

from hubkiln.images import PushTarget, References
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.testing.hub import FakeAuth
from hubkiln.testing.service import ENGINE, Service
from hubkiln.web.auth import Caller
from serving import Serve

from .test_builds_api import ended


async def listed(service: Service, token: str = "ada") -> list[dict[str, Any]]:
    """The caller's environments."""
    found: list[dict[str, Any]] = (await service.ask("GET", "api/environments", token)).json()["environments"]
    return found


async def test_a_successful_build_is_saved(service: Service) -> None:
    """When the end is told, the environment can be chosen, under the repository's name and for its owner alone."""
    await ended(service)
    (saved,) = await listed(service)
    assert (saved["name"], saved["title"], saved["owner"]) == ("org/repo", "org/repo", "ada")
    assert (saved["image"], saved["commit"], saved["plan"]) == (BUILT.image, BUILT.commit, "compose")
    assert saved["visibility"] == "private" and await listed(service, "grace") == []


async def test_everybody_who_joined_has_it(serve: Serve) -> None:
    """Each user who wanted the build gets an environment."""
    builder = FakeBuilder(held=True)
    service = await serve(builder)
    await service.ask("POST", "api/builds", json={"spec": "org/repo"})
    build = (await service.ask("POST", "api/builds", "grace", json={"spec": "org/repo"})).json()
    builder.release()
    await service.ask("GET", f"api/builds/{build['id']}/events", "grace")
    assert len(await listed(service)) == len(await listed(service, "grace")) == 1


async def test_the_owner_changes_and_shares(service: Service) -> None:
    """Name, description and visibility can be changed; a public one is seen by all and changed by none of them."""
    await ended(service)
    (saved,) = await listed(service)
    url = f"api/environments/{saved['id']}"
    changed = await service.ask("PATCH", url, json={"name": "Course", "visibility": "public"})
    assert (changed.json()["name"], changed.json()["description"]) == ("Course", "")
    assert [e["name"] for e in await listed(service, "grace")] == ["Course"]
    for method, body in (("PATCH", {"name": "Mine"}), ("DELETE", None)):
        assert (await service.ask(method, url, "grace", json=body)).status_code == 404


@pytest.mark.parametrize("body", [{"name": ""}, {"visibility": "secret"}, {"commit": "x"}, {"name": "x" * 101}])
async def test_malformed_changes_are_refused(service: Service, body: dict[str, str]) -> None:
    """Nothing else than what an owner may change, within their bounds."""
    await ended(service)
    (saved,) = await listed(service)
    assert (await service.ask("PATCH", f"api/environments/{saved['id']}", json=body)).status_code == 422
    assert await listed(service) == [saved]


async def test_a_forgotten_one_is_gone(service: Service) -> None:
    """204, then it is neither listed nor known."""
    await ended(service)
    (saved,) = await listed(service)
    assert (await service.ask("DELETE", f"api/environments/{saved['id']}")).status_code == 204
    assert await listed(service) == []
    known = await service.ask("GET", "api/images", "hub", params={"ref": BUILT.image, "user": "ada"})
    assert known.json() == {
        "known": False,
        "visible": False,
        "environment": None,
        "image": BUILT.image,
        "refused": None,
    }


async def test_the_hub_asks_for_an_image(service: Service) -> None:
    """Known and visible for its owner, known and hidden for others, unknown for what we never built."""
    await ended(service)

    async def asked(ref: str, user: str) -> tuple[bool, bool, bool]:
        found = (await service.ask("GET", "api/images", "hub", params={"ref": ref, "user": user})).json()
        return found["known"], found["visible"], found["environment"] is not None

    assert await asked(BUILT.image, "ada") == (True, True, True)
    assert await asked(BUILT.image, "grace") == (True, False, False)
    assert await asked("other/image:1", "ada") == (False, False, False)


async def test_only_the_hub_may_ask(service: Service) -> None:
    """Not even an admin may ask for somebody else."""
    answer = await service.ask("GET", "api/images", "root", params={"ref": "x", "user": "ada"})
    assert answer.status_code == 403


async def test_the_engine_is_described(service: Service) -> None:
    """What the page needs to say beforehand."""
    assert (await service.ask("GET", "api/engine")).json() == ENGINE.model_dump()


async def test_a_typed_image_that_is_none_is_said(service: Service) -> None:
    """As an answer, not as an error: the form may be sent all the same."""
    found = (await service.ask("GET", "api/images/look", params={"ref": "not an image"})).json()
    assert found["error"]["code"] == "bad_spec" and found["size_bytes"] is None
    assert (await service.ask("GET", "api/images/look", params={"ref": "org/image:1"})).json()["error"] is None


async def test_an_image_that_was_built_is_shown_to_its_owner_alone(serve: Serve) -> None:
    """Of what is pushed to our own registry, nobody else learns that it is there."""
    service = await serve(references=References(PushTarget("registry.test/hub", "registry.test/hub")))
    found = await service.ask("GET", "api/images/look", "grace", params={"ref": "registry.test/hub:1"})
    assert found.json()["error"]["code"] == "not_found"


async def test_an_environment_is_shared_with_a_group_of_ones_own(serve: Serve) -> None:
    """Its members find and start it, the hub hears so; with a group of others it cannot be shared."""
    auth = FakeAuth()
    auth.callers |= {"eve": Caller(name="eve", groups=("x",))}
    auth.callers |= {name: Caller(name=name, groups=("lab",)) for name in ("ada", "grace")}
    service = await serve(auth=auth)
    await ended(service)
    (saved,) = await listed(service)
    path = f"api/environments/{saved['id']}"
    refused = await service.ask("PATCH", path, json={"visibility": "group", "group": "other"})
    assert (refused.status_code, refused.json()["error"]["hint"]) == (403, "These are lab.")
    assert (await service.ask("PATCH", path, json={"visibility": "group"})).status_code == 403
    changed = (await service.ask("PATCH", path, json={"visibility": "group", "group": "lab"})).json()
    assert (changed["visibility"], changed["group"]) == ("group", "lab")
    assert [one["id"] for one in await listed(service, "grace")] == [saved["id"]]
    assert await listed(service, "eve") == []
    asked = {"ref": saved["image"], "user": "grace"}
    assert (await service.ask("GET", "api/images", "hub", params={**asked, "group": "lab"})).json()["visible"]
    assert not (await service.ask("GET", "api/images", "hub", params=asked)).json()["visible"]
