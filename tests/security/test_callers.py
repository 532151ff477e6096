"""Who is asking: the kind of a token counts, a token in a header alone counts, and names that look alike are apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkiln.data_dir import DataDir
from hubkiln.environments.catalogue import Catalogue
from hubkiln.environments.interface import Saved
from hubkiln.spawners.homes import Places
from hubkiln.testing.database import fresh_database
from hubkiln.testing.hub import SCOPE, FakeHub
from hubkiln.testing.service import PREFIX, Service, in_memory
from hubkiln.values import Spec
from hubkiln.web.auth import HubTokens, Kind, owner_of

OPEN = ("/health", "/versions", "/_config", "/api/repoproviders")
"""For everybody: probes, and what a front end asks before a login, as BinderHub has it."""

SIGNED = "/api/webhooks/{source}"
"""Asks for a signature with the admin's secret, and is not there without one: ``tests/unit/web/test_webhooks.py``."""

TOKENS: dict[str, dict[str, object]] = {
    "user": {"name": "nightly", "kind": "user", "scopes": [SCOPE]},
    "service": {"name": "nightly", "kind": "service", "scopes": [SCOPE]},
    "user-binder": {"name": "binder", "kind": "user", "scopes": [SCOPE]},
    "server": {"name": "ada", "kind": "user", "scopes": ["access:servers!server=ada/", "users:activity!user=ada"]},
    "group": {"name": "nightly", "kind": "group", "scopes": [SCOPE]},
    "nothing": {"name": "nightly", "scopes": [SCOPE]},
}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """The build service of a hub that has a user and a service of one name."""
    async with (
        FakeHub(TOKENS) as hub,
        in_memory(tmp_path, auth=HubTokens(api_url=hub.api_url, api_token="own")) as running,
    ):
        yield running


async def built(service: Service, token: str) -> dict[str, Any]:
    """A build of whoever has `token`, once it has ended."""
    build: dict[str, Any] = (await service.ask("POST", "api/builds", token, json={"spec": "org/repo"})).json()
    await service.ask("GET", f"api/builds/{build['id']}/events", token)
    return build


@pytest.mark.parametrize(
    ("owner", "other"), [("service", "user"), ("user", "service"), ("own", "user-binder")], ids=lambda it: it
)
async def test_a_user_and_a_service_of_one_name_are_two(service: Service, owner: str, other: str) -> None:
    """Neither sees, follows, cancels or repeats the other's builds, nor their environments; also the hub's own."""
    id = (await built(service, owner))["id"]
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/log"), ("DELETE", ""), ("POST", "/retry")):
        assert (await service.ask(method, f"api/builds/{id}{path}", other)).status_code == 404
    assert (await service.ask("GET", "api/builds", other)).json() == {"builds": []}
    assert (await service.ask("GET", "api/environments", other)).json() == {"environments": [], "total": 0}
    [environment] = (await service.ask("GET", "api/environments", owner)).json()["environments"]
    for method, more in (("PATCH", {"json": {"name": "mine"}}), ("DELETE", {})):
        assert (await service.ask(method, f"api/environments/{environment['id']}", other, **more)).status_code == 404


async def test_the_hub_asks_for_users(service: Service) -> None:
    """What a service built is not shown to the user of its name when a server is started."""
    await built(service, "service")
    [mine] = (await service.ask("GET", "api/environments", "service")).json()["environments"]
    query = {"ref": mine["image"], "user": "nightly"}
    answer = (await service.ask("GET", "api/images", "own", params=query)).json()
    assert answer["known"] and not answer["visible"]


async def test_what_was_kept_before_belongs_to_users(tmp_path: Path) -> None:
    """Rows of earlier versions have a name alone: a user's."""
    database = await fresh_database(tmp_path)
    catalogue = Catalogue(database)
    spec = Spec(provider="gh", repository="org/repo")
    await catalogue.save(
        Saved(owner="ada", spec=spec, commit="0" * 40, image="i", environment_key="k", plan="compose", lock_digest="l")
    )
    assert (await catalogue.listing(owner_of(Kind.USER, "ada")))[1] == 1
    assert (await catalogue.listing(owner_of(Kind.SERVICE, "ada"))) == ([], 0)
    await database.close()


@pytest.mark.parametrize("token", ["server", "group", "nothing"])
async def test_a_token_of_another_sort_is_refused(service: Service, token: str) -> None:
    """A server's own token has not the scope; what is neither a user nor a service has no name here."""
    assert (await service.ask("GET", "api/builds", token)).status_code == 403


async def test_nothing_counts_but_a_token_in_the_header(service: Service) -> None:
    """Cookies, an address with a token, a password: on every route they are nobody's, and nothing is begun."""
    ways: list[dict[str, Any]] = [
        {"headers": {"Cookie": "jupyterhub-session-id=1; jupyterhub-services=user; token=user; _xsrf=2|1"}},
        {"params": {"token": "user", "access_token": "user", "_xsrf": "2|1", "build_only": "true"}},
        {"headers": {"Authorization": "Basic dXNlcjp1c2Vy"}},
        {"headers": {"X-Forwarded-User": "nightly", "Remote-User": "nightly"}},
    ]
    asked = 0
    for path, methods in service.app.openapi()["paths"].items():
        if path.endswith(OPEN):
            continue
        for method in (name.upper() for name in methods):
            for way in ways:
                address = path.removeprefix(PREFIX).replace("{rest:path}", "gh/org/repo/HEAD").replace("{id}", "1")
                answer = await service.ask(method, address, None, **way)
                if path.endswith(SIGNED):
                    assert answer.status_code == 404
                    continue
                streamed = address.startswith("build/")
                assert answer.status_code == (204 if method == "OPTIONS" else 200 if streamed else 401), address
                assert method == "OPTIONS" or "token" in answer.text.lower()
                assert "Access-Control-Allow-Origin" not in answer.headers
                asked += 1
    assert asked > 30
    assert (await service.ask("GET", "api/builds?all=true", "own")).json() == {"builds": []}


NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=("Cs",)), min_size=1, max_size=255)


@given(st.tuples(st.sampled_from(Kind), st.text()), st.tuples(st.sampled_from(Kind), st.text()))
def test_different_callers_have_different_owners(one: tuple[Kind, str], other: tuple[Kind, str]) -> None:
    """Whatever letters their names have."""
    assert (owner_of(*one) == owner_of(*other)) is (one == other)


def test_names_that_look_alike_have_homes_and_rooms_of_their_own() -> None:
    """Capitals, accents in two writings, dots, dashes, lengths: two users, or two servers, never share a folder."""
    long = "x" * 99
    users = ["ada", "Ada", "ADA", "a-da", "a--da", "a_da", "ada.", ".ada", "é", "e\u0301", "ａda", "ada\u200b", "ａ"]
    users += ["-", "--", "a%2Fda", "a\\da", "a\nda", "CON", "~", "*", long, f"{long}-y", f"{long}-z", "x" * 255]
    users += [f"user-{number}" for number in range(200)]
    servers = ["", "da", "-da", "a", "lab", Places(data=DataDir(Path("/d")), user=f"{long}-y").name[-12:]]
    places = [Places(data=DataDir(Path("/d")), user=user, server=server) for user in users for server in servers]
    assert len({place.home for place in places}) == len(users)
    assert len({place.room for place in places}) == len({place.log for place in places}) == len(places)
    assert all(place.home.parent == Path("/d/homes") and len(place.log.name.encode()) < 256 for place in places)


@given(st.lists(st.tuples(NAMES, NAMES | st.just("")), min_size=2, max_size=6, unique=True))
def test_rooms_are_apart_whatever_the_names(servers: list[tuple[str, str]]) -> None:
    """Any user and server names that JupyterHub could have."""
    places = [Places(data=DataDir(Path("/d")), user=user, server=server) for user, server in servers]
    assert all(one.room != other.room for one, other in combinations(places, 2))
