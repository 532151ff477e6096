"""Promises of what the page of environments asks: pages of a list, versions, contents, and builds of what is saved."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hubkiln.builds import BuildRequest, Built, Glances, Sources, Tell
from hubkiln.environments import Sight
from hubkiln.errors import BuildFailed, NotFound, Unreachable
from hubkiln.testing.builds import BUILT, SCRIPT, FakeBuilder
from hubkiln.testing.service import Service
from hubkiln.values import Revision, Spec
from hubkiln.web import PackageList, PackageModel
from serving import Serve

from .test_builds_api import ended
from .test_environments_api import listed


class Changing(FakeBuilder):
    """Makes another image each time, and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[BuildRequest] = []

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.Builder`."""
        self.asked.append(request)
        for event in SCRIPT:
            tell(event)
        count = len(self.asked)
        return Built(
            image=f"i:{count}",
            environment_key="k",
            commit=f"{count:040}",
            name="repo",
            plan="compose",
            lock_digest=f"lock{count}",
        )


class Known:
    """Knows one image."""

    async def packages(self, image: str) -> PackageList:
        """See :class:`hubkiln.web.Contents`."""
        if image != BUILT.image:
            raise NotFound("It is gone.")
        return PackageList(python="3.11", packages=[PackageModel(name="numpy", version="2.0")], download_bytes=7)

    async def export(self, image: str, kind: str) -> str:
        """See :class:`hubkiln.web.Contents`."""
        return f"{kind} of {image}\n"


async def details(service: Service, id: str, token: str = "ada") -> dict[str, Any]:
    """One environment."""
    answer = await service.ask("GET", f"api/environments/{id}", token)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/packages"),
        ("GET", "/exports/lock"),
        ("POST", "/builds"),
        ("PATCH", ""),
        ("DELETE", ""),
    ],
)
async def test_anothers_private_one_does_not_exist(service: Service, method: str, path: str) -> None:
    """404, whatever is asked by its id, and as for an id that nobody has."""
    await ended(service)
    (saved,) = await listed(service)
    bodies = {"POST": {"what": "update"}, "PATCH": {"name": "x", "image": saved["image"]}}
    asked = [f"api/environments/{id}{path}" for id in (saved["id"], "nobodys")]
    answers = [await service.ask(method, address, "grace", json=bodies.get(method)) for address in asked]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


async def test_a_list_in_pages(service: Service) -> None:
    """So many from a place on, those with certain words, and how many there are in all."""
    for name in ("a/one", "a/two", "b/two"):
        await ended(service, {"spec": name})
    page = (await service.ask("GET", "api/environments", params={"limit": 1, "offset": 1})).json()
    assert (len(page["environments"]), page["total"]) == (1, 3)
    found = (await service.ask("GET", "api/environments", params={"q": "two a/"})).json()
    assert ([one["title"] for one in found["environments"]], found["total"]) == (["a/two"], 1)


async def test_an_admin_sees_everybodys_and_deletes(service: Service) -> None:
    """Who is none sees their own, whatever they ask."""
    await ended(service)
    (saved,) = await listed(service)
    ask = {"params": {"all": "true"}}
    assert (await service.ask("GET", "api/environments", "grace", **ask)).json()["total"] == 0
    assert (await service.ask("GET", "api/environments", "root", **ask)).json()["environments"] == [saved]
    assert (await details(service, saved["id"], "root"))["owner"] == "ada"
    assert (await service.ask("DELETE", f"api/environments/{saved['id']}", "root")).status_code == 204
    assert await listed(service) == []


async def test_versions_and_the_way_back(serve: Serve) -> None:
    """Each image that it had, with the build that made it; going back changes what starts."""
    service = await serve(Changing())
    await ended(service)
    (saved,) = await listed(service)
    again = await service.ask("POST", f"api/environments/{saved['id']}/builds", json={"what": "update"})
    await service.ask("GET", f"api/builds/{again.json()['id']}/events")
    found = await details(service, saved["id"])
    assert [(one["image"], one["current"]) for one in found["versions"]] == [("i:2", True), ("i:1", False)]
    assert found["versions"][0]["build"] == again.json()["id"] and found["link"] == "gh/org/repo/HEAD"
    back = await service.ask("PATCH", f"api/environments/{saved['id']}", json={"image": "i:1", "pinned": True})
    assert (back.json()["image"], back.json()["pinned"]) == ("i:1", True)
    assert (await service.ask("PATCH", f"api/environments/{saved['id']}", json={"image": "i:9"})).status_code == 404


SMALL = {"profile": "small", "memory": "g2"}


async def test_the_resources_of_the_first_build_are_kept_and_its_owner_changes_them(serve: Serve) -> None:
    """Each who asked has their own, another build changes none, a copy has the same; what is too much is refused."""
    builder = FakeBuilder(held=True)
    service = await serve(builder)
    await service.ask("POST", "api/builds", json={"spec": "org/repo", "resources": SMALL})
    build = await service.ask("POST", "api/builds", "grace", json={"spec": "org/repo", "resources": {"profile": "big"}})
    builder.release()
    await service.ask("GET", f"api/builds/{build.json()['id']}/events", "grace")
    (saved,), (graces,) = await listed(service), await listed(service, "grace")
    assert (saved["resources"], graces["resources"]) == (SMALL, {"profile": "big"})

    await ended(service, {"spec": "org/repo", "resources": {"profile": "big"}})
    assert (await details(service, saved["id"]))["resources"] == SMALL
    address = f"api/environments/{saved['id']}"
    assert (await service.ask("POST", f"{address}/copies")).json()["resources"] == SMALL
    other = {"profile": "own", "cpu--unlisted-choice": "3"}
    assert (await service.ask("PATCH", address, json={"resources": other})).json()["resources"] == other
    assert (await service.ask("PATCH", address, json={"name": "n"})).json()["resources"] == other
    for wrong in ({"profile": "x" * 1025}, {"x" * 256: "1"}, {str(n): "1" for n in range(51)}, {"profile": 1}):
        assert (await service.ask("PATCH", address, json={"resources": wrong})).status_code == 422, wrong
    assert (await service.ask("PATCH", address, json={"resources": {}})).json()["resources"] == {}


async def test_a_build_tried_again_keeps_the_resources_of_whoever_tries(serve: Serve) -> None:
    """As the first attempt would have."""
    builder = FakeBuilder(raises=BuildFailed("It failed."))
    service = await serve(builder)
    build = await ended(service, {"spec": "org/repo", "resources": SMALL})
    builder.raises = None
    again = (await service.ask("POST", f"api/builds/{build['id']}/retry")).json()
    await service.ask("GET", f"api/builds/{again['id']}/events")
    assert [one["resources"] for one in await listed(service)] == [SMALL]


async def test_one_that_was_just_built_is_looked_at_where_it_is_shown(serve: Serve) -> None:
    """The size of each of its versions is told a moment later, without a look at the list."""

    async def five(image: str) -> int:
        return 5

    async def yes(image: str) -> bool:
        return True

    service = await serve(Changing(), sight=Sight(measure=five, count=five, there=yes))
    await ended(service)
    (saved,) = await listed(service)
    again = await service.ask("POST", f"api/environments/{saved['id']}/builds", json={"what": "update"})
    await service.ask("GET", f"api/builds/{again.json()['id']}/events")
    async with asyncio.timeout(10):
        while (found := await details(service, saved["id"]))["bytes"] is None:
            pass
    assert (found["image"], found["bytes"], found["packages"]) == ("i:2", 5, 5)
    async with asyncio.timeout(10):
        while None in [one["bytes"] for one in (await details(service, saved["id"]))["versions"]]:
            pass


async def test_refreshing_and_making_again(serve: Serve) -> None:
    """New packages on the branch that it follows; the very packages of a version, at its commit."""
    builder = Changing()
    service = await serve(builder)
    await ended(service, {"spec": "org/repo", "ref": "dev"})
    (saved,) = await listed(service)
    for body in ({"what": "refresh"}, {"what": "rebuild", "image": "i:1"}):
        order = await service.ask("POST", f"api/environments/{saved['id']}/builds", json=body)
        assert order.status_code == 201, order.text
        await service.ask("GET", f"api/builds/{order.json()['id']}/events")
    _, refreshed, rebuilt = builder.asked
    assert (refreshed.spec.ref, refreshed.refresh, refreshed.lock) == ("dev", True, None)
    assert (rebuilt.spec.ref, rebuilt.refresh, rebuilt.lock) == (f"{1:040}", False, "lock1")


async def test_what_is_in_it(serve: Serve) -> None:
    """Its packages, and its exports as plain text; whoever may start it may see them."""
    service = await serve(contents=Known())
    await ended(service)
    (saved,) = await listed(service)
    address = f"api/environments/{saved['id']}"
    await service.ask("PATCH", address, json={"visibility": "public"})
    for token in ("ada", "grace"):
        found = (await service.ask("GET", f"{address}/packages", token)).json()
        assert (found["packages"][0]["name"], found["download_bytes"]) == ("numpy", 7)
    text = await service.ask("GET", f"{address}/exports/lock", "grace")
    assert (text.text, text.headers["content-type"]) == (f"lock of {BUILT.image}\n", "text/plain; charset=utf-8")
    assert (await service.ask("GET", f"{address}/packages", params={"image": "i:other"})).status_code == 404


async def test_other_packages_make_a_new_version_and_a_copy_its_own(serve: Serve) -> None:
    """What is ordered of an environment goes into it, whatever it was of; a stranger can order nothing."""
    service = await serve(Changing())
    await ended(service, {"spec": "org/repo"})
    (saved,) = await listed(service)
    copied = (await service.ask("POST", f"api/environments/{saved['id']}/copies")).json()
    order = {"what": "change", "spec": "org/other", "ref": "dev", "subdir": "a"}
    assert (
        await service.ask("POST", f"api/environments/{copied['id']}/builds", "grace", json=order)
    ).status_code == 404
    build = await service.ask("POST", f"api/environments/{copied['id']}/builds", json=order)
    await service.ask("GET", f"api/builds/{build.json()['id']}/events")
    now, before = await details(service, copied["id"]), await details(service, saved["id"])
    assert (now["spec"]["repository"], now["spec"]["ref"], now["spec"]["subdir"]) == ("org/other", "dev", "a")
    assert [one["spec"]["repository"] for one in now["versions"]] == ["org/other", "org/repo"]
    assert (before["image"], before["spec"]["repository"]) == ("i:1", "org/repo")
    nothing = {"what": "change", "spec": "nothing"}
    assert (await service.ask("POST", f"api/environments/{copied['id']}/builds", json=nothing)).status_code == 400


async def test_who_stores_enough_copies_nothing_of_others(serve: Serve) -> None:
    """A copy keeps the image for its owner, as a build does; one of their own keeps nothing more."""

    async def stored(owner: str) -> int:
        return 2048

    service = await serve(sources=Sources(stored=stored))
    await ended(service, {"spec": "org/repo"})
    (saved,) = await listed(service)
    address = f"api/environments/{saved['id']}"
    await service.ask("PATCH", address, json={"visibility": "public"})
    limit = {"kind": "everybody", "limits": {"user_stored": 1024}, "ends": "2100-01-01T00:00:00Z"}
    assert (await service.ask("POST", "api/occasions", "root", json=limit)).status_code == 201
    refused = await service.ask("POST", f"{address}/copies", "grace")
    assert refused.status_code == 429
    assert (await service.ask("POST", f"{address}/copies", "ada")).status_code == 201


async def test_a_list_tells_what_is_being_built_and_what_failed(serve: Serve) -> None:
    """Of the environment that asked, while today's image goes on; sorted and cut by the database."""
    service = await serve(builder := FakeBuilder())
    await ended(service, {"spec": "org/repo"})
    await ended(service, {"spec": "org/other"})
    (saved,) = [one for one in await listed(service) if one["title"] == "org/repo"]
    builder.raises = BuildFailed("It does not build.")
    order = {"what": "change", "spec": "org/third"}
    build = (await service.ask("POST", f"api/environments/{saved['id']}/builds", json=order)).json()
    await service.ask("GET", f"api/builds/{build['id']}/events")
    for params, names in (
        ({"state": "failed"}, ["org/repo"]),
        ({"state": "building"}, []),
        ({"sort": "state"}, ["org/repo", "org/other"]),
        ({"sort": "-name", "whose": "mine"}, ["org/repo", "org/other"]),
        ({"sort": "name"}, ["org/other", "org/repo"]),
        ({"whose": "others"}, []),
    ):
        found = (await service.ask("GET", "api/environments", params=params)).json()
        assert ([one["title"] for one in found["environments"]], found["total"]) == (names, len(names)), params
    assert (await service.ask("GET", "api/environments", params={"sort": "spec"})).status_code == 422


async def test_newer_commits_are_told_of_what_the_caller_may_see(serve: Serve) -> None:
    """Where a host does not answer, where nothing can be newer, and of others' there is nothing to tell."""
    tips = {"org/repo": "newer", "org/same": BUILT.commit}

    async def look(spec: Spec) -> Revision:
        if (commit := tips.get(spec.repository)) is None:
            raise Unreachable("It is away.")
        return Revision(spec=spec, commit=commit, url="", name="r")

    service = await serve(newest=Glances(look))
    for repository in ("org/repo", "org/same", "org/away"):
        await ended(service, {"spec": repository})
    ids = [one["id"] for one in await listed(service)]
    found = await service.ask("GET", "api/newer", params={"id": [*ids, "nobodys"]})
    newer = found.json()["newer"]
    assert [(one["commit"], one["ref"]) for one in newer] == [("newer", "HEAD")] and newer[0]["id"] in ids
    assert (await service.ask("GET", "api/newer", "grace", params={"id": ids})).json() == {"newer": []}


async def test_what_was_found_before_a_build_is_never_newer(serve: Serve) -> None:
    """The commit that a page asked for just before an update is older than what the update brought."""
    tips = ["1" * 40]

    async def look(spec: Spec) -> Revision:
        return Revision(spec=spec, commit=tips[-1], url="", name="r")

    newest = Glances(look, kept_seconds=600)
    service = await serve(newest=newest)
    await newest.find(Spec(provider="gh", repository="org/repo"), "eve")
    await ended(service, {"spec": "org/repo"})
    tips.append(BUILT.commit)
    params = {"id": [one["id"] for one in await listed(service)]}
    assert (await service.ask("GET", "api/newer", params=params)).json() == {"newer": []}
