"""Options of other systems, and launches that the build service signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hub_users import Users
from hubkiln.errors import BadSpec
from hubkiln.hub.foreign import check_accepted
from hubkiln.hub.hooks import UNMET, Hooks
from hubkiln.hub.refusal import Refusal
from hubkiln.launches import Order
from hubkiln.signing import Signer
from hubkiln.spawners.sandbox import SandboxSpawner

from .test_hooks import BUILT, PROFILES, Service

TLJH = {"image": BUILT, "metadata": {}}
BINDERHUB = {"image": BUILT, "repo_url": "https://github.com/o/r", "token": "x", "binder_request": "v2/gh/o/r/HEAD"}
SIGNER = Signer("secret")
ORDER = Order(
    image="pushed/any:1", user="ada", temporary=True, origins=("https://docs.example",), facts={"repo_url": "u"}
)


@pytest.fixture
def users() -> Iterator[Users]:
    """Users of a hub with profiles."""
    made = Users(SandboxSpawner, {"SandboxSpawner": {"profile_list": PROFILES}})
    yield made
    made.close()


async def started(hooks: Hooks, spawner: Any, options: dict[str, Any]) -> Any:
    """The spawner as it would start."""
    spawner.handler = None
    spawner.user_options = options
    await hooks.apply_user_options(spawner, options)
    await hooks.pre_spawn(spawner)
    return spawner


@pytest.mark.parametrize(("system", "options"), [("tljh", TLJH), ("binderhub", BINDERHUB)])
async def test_they_start_where_an_admin_lets_them_in(users: Users, system: str, options: dict[str, Any]) -> None:
    """The image counts as typed into the profile where images may be built; without the admin's word it is refused."""
    spawner = await started(Hooks(Service, accept=(system,)), users.spawner(), options)
    assert spawner.image == BUILT and spawner.mem_limit == 1024**3
    with pytest.raises(Refusal):
        await started(Hooks(Service), users.spawner(), options)


async def test_binderhubs_variables_come_along(users: Users) -> None:
    """Notebooks read them."""
    spawner = await started(Hooks(Service, accept=("binderhub",)), users.spawner(), BINDERHUB)
    assert spawner.environment["BINDER_REPO_URL"] == BINDERHUB["repo_url"]
    assert spawner.environment["BINDER_REQUEST"] == "v2/gh/o/r/HEAD"


@pytest.mark.parametrize(
    "options",
    [
        TLJH | {"image": "other/x:1"},
        TLJH | {"metadata": {"node_selector": {"a": "b"}}},
        TLJH | {"metadata": 5},
        BINDERHUB | {"cmd": "evil"},
    ],
)
async def test_they_are_checked_like_what_is_typed(users: Users, options: dict[str, Any]) -> None:
    """An image that the rule does not allow, a node, no table, a word that the system does not have: refused."""
    with pytest.raises(Refusal):
        await started(Hooks(Service, accept=("tljh", "binderhub")), users.spawner(), options)


def test_a_system_that_nobody_knows_is_an_admins_mistake() -> None:
    """It is named at the hub's start."""
    with pytest.raises(BadSpec, match="renku"):
        check_accepted(["renku"])


async def test_a_launch_of_ours_starts_as_it_stands(users: Users) -> None:
    """Whatever the rule says; a temporary user's server takes its token from the address, from named sites too."""
    spawner = await started(Hooks(Service, signer=SIGNER), users.spawner(), ORDER.options(SIGNER))
    assert spawner.image == "pushed/any:1" and spawner.environment["BINDER_REPO_URL"] == "u"
    assert spawner.environment["JUPYTERHUB_ALLOW_TOKEN_IN_URL"] == "1"
    assert spawner.args[-1] == r"--ServerApp.allow_origin_pat=^(https://docs\.example)$"


@pytest.mark.parametrize(
    "order",
    [replace(ORDER, user="eve"), replace(ORDER, server="other")],
)
async def test_a_launch_is_for_one_server_of_one_user(users: Users, order: Order) -> None:
    """Copied, it is a wish like any, and this image is not allowed."""
    with pytest.raises(Refusal):
        await started(Hooks(Service, signer=SIGNER), users.spawner(), order.options(SIGNER))


async def test_an_old_launch_is_a_wish_like_any(users: Users) -> None:
    """A built image that the user may see starts again; another one does not."""
    old = Signer("secret", now=lambda: 1000.0)
    again = replace(ORDER, image=BUILT, temporary=False)
    assert (await started(Hooks(Service, signer=SIGNER), users.spawner(), again.options(old))).image == BUILT
    with pytest.raises(Refusal):
        await started(Hooks(Service, signer=SIGNER), users.spawner(), ORDER.options(old))


@pytest.mark.parametrize(("query", "form"), [({"image": [b"other/x:1"]}, UNMET), ({}, "")])
async def test_a_link_starts_no_usual_server_in_silence(query: dict[str, list[bytes]], form: str) -> None:
    """Where there is nothing to choose, a link that names something waits for the button and says so."""
    users = Users(SandboxSpawner)
    spawner, hooks = users.spawner(), Hooks(Service)

    class Handler(SimpleNamespace):
        __hash__ = object.__hash__

    spawner.handler = Handler(request=SimpleNamespace(method="GET", query="", query_arguments=dict(query)))
    await hooks.auth_state(spawner)
    shown = await hooks.options_form(spawner)
    assert form in shown and bool(form) == bool(shown)
    users.close()
