"""Promises about what is said before the button is pressed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hubkiln.builds import BuildRequest, Built, Glances, Intended, Sources
from hubkiln.errors import RefNotFound, Unreachable
from hubkiln.repositories import Refs
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.testing.service import Service
from hubkiln.values import Revision, Spec
from serving import Serve


class Host:
    """A host of repositories; ``main`` moves when `commit` is changed, and only ada's token reads ``lab/secret``."""

    def __init__(self) -> None:
        self.commit, self.asked = "a" * 40, 0
        self.silent = False

    async def resolve(self, spec: Spec) -> Revision:
        """As providers do."""
        self.asked += 1
        if self.silent:
            raise Unreachable("It does not answer.")
        if spec.ref == "gone" or (spec.repository == "lab/secret" and spec.reader != "ada"):
            raise RefNotFound(hint="Check its spelling.")
        return Revision(spec=spec, commit=self.commit, url="https://example.org/r", name="r")

    async def can_try(self, user: str, spec: Spec) -> bool:
        """Whether there is a token."""
        return user == "ada"


async def here(built: Built) -> bool:
    """Nothing was removed."""
    return True


async def forecast(service: Service, token: str = "ada", **query: str) -> dict[str, Any]:
    answer = await service.ask("GET", "api/forecast", token, params={"spec": "lab/waves", **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def built(service: Service, spec: str = "lab/waves") -> None:
    order = (await service.ask("POST", "api/builds", json={"spec": spec})).json()
    [told async for told in service.jobs.follow(order["id"])]


async def test_what_is_there_is_used_again_at_once(serve: Serve) -> None:
    """By commit, whatever it is called by, however it is asked; not if packages are to be chosen afresh."""
    service = await serve(sources=Sources(resolve=Host().resolve, present=here))
    await built(service)
    found = await forecast(service, ref="v1")
    assert (found["outcome"], found["seconds"], found["commit"]) == ("ready", 0, "a" * 40)
    assert (await forecast(service, refresh="1"))["outcome"] == "compose"
    posted = await service.ask("POST", "api/forecast", json={"spec": "lab/waves", "ref": "v1"})
    assert posted.json() == found


async def test_an_earlier_commit_tells_how_the_next_is_made(serve: Serve) -> None:
    """The plan of the last build, and about how long it took."""
    host = Host()
    service = await serve(sources=Sources(resolve=host.resolve, present=here))
    assert (await forecast(service))["outcome"] == "unknown"
    await built(service)
    host.commit = "b" * 40
    found = await forecast(service, ref="main")
    assert (found["outcome"], found["earlier"], found["why"]) == (
        "compose",
        True,
        ["requirements.txt is made of wheels"],
    )
    assert found["seconds"] > 0
    other = await forecast(service, spec="lab/other")
    assert (other["outcome"], other["seconds"] > 0) == ("unknown", True)


async def test_files_that_are_here_tell_it_at_once(serve: Serve) -> None:
    """What a plan of them says is said; so is that the environment is there."""
    said = Intended(plan="repo2docker", why=("Dockerfile needs repo2docker",))

    async def plan(request: BuildRequest) -> Intended:
        return replace(said, there=request.as_of == "commit")

    service = await serve(sources=Sources(resolve=Host().resolve, plan=plan))
    found = await forecast(service)
    assert (found["outcome"], found["why"], found["seconds"]) == ("repo2docker", ["Dockerfile needs repo2docker"], None)
    assert (await forecast(service, as_of="commit"))["outcome"] == "ready"


async def test_what_is_being_built_is_joined(serve: Serve) -> None:
    """Whoever asks for the same would wait with the others."""
    builder = FakeBuilder(held=True)
    service = await serve(builder, sources=Sources(resolve=Host().resolve))
    await service.ask("POST", "api/builds", "grace", json={"spec": "lab/waves"})
    await builder.until_started(1)
    assert (await forecast(service))["outcome"] == "joined"


async def test_what_cannot_be_built_is_said_and_looked_up_once(serve: Serve) -> None:
    """A ref that is not there; the host is not asked at each letter that is typed elsewhere."""
    host = Host()
    service = await serve(sources=Sources(resolve=host.resolve))
    found = await forecast(service, ref="gone")
    assert found["outcome"] == "refused"
    assert (found["error"]["code"], found["error"]["hint"]) == ("ref_not_found", "Check its spelling.")
    await forecast(service, ref="gone", as_of="commit")
    assert host.asked == 1


async def test_a_private_repository_is_told_to_its_reader_alone(serve: Serve) -> None:
    """Neither that it is there nor how it was built."""
    host = Host()
    secret = replace(BUILT, plan="run-steps")
    sources = Sources(resolve=host.resolve, can_try=host.can_try, present=here)
    service = await serve(FakeBuilder(built=secret), sources=sources)
    await built(service, "lab/secret")
    assert (await forecast(service, spec="lab/secret"))["outcome"] == "ready"
    assert (await forecast(service, "grace", spec="lab/secret"))["outcome"] == "refused"


@pytest.mark.parametrize(("query", "status"), [({"spec": "nothing"}, 400), ({"as_of": "soon"}, 422)])
async def test_bad_questions_are_refused(serve: Serve, query: dict[str, str], status: int) -> None:
    """As an order would be."""
    service = await serve(sources=Sources(resolve=Host().resolve))
    answer = await service.ask("GET", "api/forecast", params={"spec": "lab/waves", **query})
    assert answer.status_code == status


async def test_a_host_that_is_away_is_told_in_the_answer(serve: Serve) -> None:
    """The question was right, so its answer is one: nothing is known, and why."""
    host = Host()
    host.silent = True
    service = await serve(sources=Sources(resolve=host.resolve))
    found = await forecast(service)
    assert (found["outcome"], found["error"]["code"]) == ("unknown", "unreachable")


async def suggested(service: Service, token: str = "ada", **query: str) -> dict[str, Any]:
    answer = await service.ask("GET", "api/refs", token, params={"spec": "lab/waves", **query})
    found: dict[str, Any] = answer.json()
    return found


async def test_branches_and_tags_are_suggested_within_bounds(serve: Serve) -> None:
    """Those that begin with what is typed before those that have it in them; the host is asked once."""
    asked: list[str] = []

    async def list_refs(spec: Spec) -> Refs:
        asked.append(spec.ref)
        return Refs(default="main", branches=("main", "dev", "big-dev"), tags=tuple(f"v{n}" for n in range(9)))

    service = await serve(refs=Glances(list_refs))
    found = await suggested(service, q="DEV")
    assert (found["branches"], found["tags"], found["more"]) == (["dev", "big-dev"], [], 0)
    found = await suggested(service, limit="2")
    assert (found["branches"], found["tags"], found["more"]) == (["main", "dev"], ["v0", "v1"], 8)
    assert asked == ["HEAD"]


async def test_branches_of_a_private_repository_are_its_readers(serve: Serve) -> None:
    """For who has a token that reads it; for all others it is not there."""
    host = Host()

    async def list_refs(spec: Spec) -> Refs:
        await host.resolve(spec)
        return Refs(default="main", branches=("main",))

    service = await serve(refs=Glances(list_refs, host.can_try))
    assert (await suggested(service, spec="lab/secret"))["branches"] == ["main"]
    assert (await suggested(service, "grace", spec="lab/secret"))["error"]["code"] == "ref_not_found"


async def test_no_branches_are_suggested_while_the_host_is_away(serve: Serve) -> None:
    """A well-formed answer that says so, in the place of an error for whoever is only typing."""

    async def list_refs(spec: Spec) -> Refs:
        raise Unreachable("It does not answer.", hint="Try again later.")

    service = await serve(refs=Glances(list_refs))
    answer = await service.ask("GET", "api/refs", params={"spec": "lab/waves"})
    error = {"code": "unreachable", "message": "It does not answer.", "hint": "Try again later."}
    assert (answer.status_code, answer.json()) == (
        200,
        {"default": "", "branches": [], "tags": [], "more": 0, "error": error},
    )


async def limit(service: Service, **limits: Any) -> None:
    """For ada, from now on."""
    occasion = {"kind": "user", "pattern": "ada", "limits": limits, "ends": "2999-12-01T00:00:00Z"}
    assert (await service.ask("POST", "api/occasions", "root", json=occasion)).status_code == 201


async def test_a_limit_that_is_reached_is_told_before_the_button(serve: Serve) -> None:
    """As the order would tell it; what is there costs nothing and stays ready, and others are not concerned."""
    service = await serve(sources=Sources(resolve=Host().resolve, present=here))
    await limit(service, user_builds_daily=1)
    assert (await forecast(service, spec="lab/other"))["outcome"] == "unknown"
    await built(service)
    assert (await forecast(service))["outcome"] == "ready"
    refused = await forecast(service, spec="lab/other")
    order = (await service.ask("POST", "api/builds", json={"spec": "lab/other"})).json()
    assert (refused["outcome"], refused["error"]) == ("refused", order["error"])
    assert refused["error"]["code"] == "limit_reached" and "limit is 1" in refused["error"]["message"]
    assert (await forecast(service, "grace", spec="lab/other"))["outcome"] == "unknown"


async def test_who_has_too_much_stored_is_told_before_the_button(serve: Serve) -> None:
    """Nothing new is built for them."""

    async def stored(owner: str) -> int:
        return 2

    service = await serve(sources=Sources(resolve=Host().resolve, present=here, stored=stored))
    await limit(service, user_stored=1)
    assert (await forecast(service))["error"]["code"] == "limit_reached"
    assert (await forecast(service, "grace"))["error"] is None
