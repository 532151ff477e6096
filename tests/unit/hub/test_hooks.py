"""The four hooks as JupyterHub calls them: form, posted form, options, last check."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from hub_users import Users
from hubkiln.errors import BadSpec
from hubkiln.hub import setup
from hubkiln.hub.hooks import Hooks, after
from hubkiln.hub.refusal import Refusal
from hubkiln.hub.service import ImageAnswer, ServiceSilent
from hubkiln.spawners.sandbox import SandboxSpawner

BUILT = f"hubkiln.local/work@sha256:{'0' * 64}"
PROFILES = [
    {
        "slug": "small",
        "display_name": "Small",
        "default": True,
        "kubespawner_override": {"mem_limit": "1G"},
        "profile_options": {
            "image": {
                "display_name": "Environment",
                "choices": {"listed": {"display_name": "Listed", "kubespawner_override": {"image": "listed:1"}}},
                "unlisted_choice": {
                    "enabled": True,
                    "validation_regex": "quay[.]io/.+",
                    "kubespawner_override": {"image": "{value}"},
                },
                "dynamic_image_building": {"enabled": True},
            }
        },
    },
    {
        "slug": "staff",
        "display_name": "Staff",
        "allowed_groups": ["staff"],
        "kubespawner_override": {"mem_limit": "9G"},
    },
]


class Service:
    """A build service that knows one image of ada's, or does not answer."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def ask(self, image: str, user: str, groups: Sequence[str] = ()) -> ImageAnswer:
        if image == "quay.io/silent":
            raise ServiceSilent("The build service does not answer.")
        return ImageAnswer(known=image == BUILT, visible=(image, user) == (BUILT, "ada"))


@pytest.fixture
def users() -> Iterator[Users]:
    """Users of a hub with profiles."""
    made = Users(SandboxSpawner, {"SandboxSpawner": {"profile_list": PROFILES}})
    yield made
    made.close()


@pytest.fixture
def hooks() -> Hooks:
    """The hooks of that hub."""
    return Hooks(Service)


async def page(hooks: Hooks, spawner: Any) -> dict[str, Any]:
    """What the form tells the front end."""
    spawner.handler = None
    found = re.search(r'id="hubkiln-page">(.*?)</script>', await hooks.options_form(spawner), re.DOTALL)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    return told


async def started(hooks: Hooks, spawner: Any, form: dict[str, str]) -> None:
    """All that happens between the button and the start."""
    options = await hooks.options_from_form({name: [value] for name, value in form.items()}, spawner)
    await requested(hooks, spawner, options)


async def requested(hooks: Hooks, spawner: Any, options: dict[str, Any]) -> None:
    """The same for options that came by a link or the REST API."""
    spawner.user_options = options
    await hooks.apply_user_options(spawner, options)
    await hooks.pre_spawn(spawner)


async def test_the_form_offers_what_this_user_may_choose(hooks: Hooks, users: Users) -> None:
    """Profiles of other groups are not there, and all addresses lie below the hub's own."""
    told = await page(hooks, users.spawner())
    assert [profile["display_name"] for profile in told["profiles"]] == ["Small"]
    assert (told["user"], told["service"]) == ("ada", "/base/services/binder/")


class Lacking(SandboxSpawner):  # type: ignore[misc]
    """A spawner of a machine that lacks something."""

    async def lacking(self) -> list[str]:
        """Two sentences."""
        return ["Nothing <b>works</b>.", "Install it."]


class Misconfigured(SandboxSpawner):  # type: ignore[misc]
    """A spawner that cannot even say."""

    async def lacking(self) -> list[str]:
        """The admin's mistake."""
        raise BadSpec("No range.", hint="Write one.")


async def test_an_admin_sees_what_servers_lack(hooks: Hooks) -> None:
    """Also on the page of another user's server; the users themselves do not, not even of an admin's server."""
    users = Users(Lacking, {"Lacking": {"profile_list": PROFILES}})
    own, others = users.spawner("boss"), users.spawner("ada")
    own.user.orm_user.admin = True
    own.handler = others.handler = None
    assert "Install it." not in await hooks.options_form(others)
    text = await hooks.options_form(own)
    assert "Nothing &lt;b&gt;works&lt;/b&gt;." in text and "Install it." in text
    for spawner, viewer in ((others, own.user), (own, others.user)):
        spawner.handler = Handler(viewer)
        assert ("Install it." in await hooks.options_form(spawner)) is (viewer is own.user)
    users.close()


async def test_a_mistake_in_the_settings_is_an_admins_to_read(hooks: Hooks) -> None:
    """The page is drawn all the same."""
    users = Users(Misconfigured, {"Misconfigured": {"profile_list": PROFILES}})
    spawner = users.spawner("boss")
    spawner.user.orm_user.admin = True
    spawner.handler = None
    text = await hooks.options_form(spawner)
    assert "No range. Write one." in text and "hubkiln-page" in text
    users.close()


class Handler:
    """A request of somebody who is logged in, as far as the form looks at it."""

    def __init__(self, viewer: Any) -> None:
        self.current_user = viewer
        self.xsrf_token = b"token"
        self.request = SimpleNamespace(method="GET", query_arguments={})


async def test_without_profiles_there_is_no_form() -> None:
    """JupyterHub then starts at once, as it would without us."""
    users = Users(SandboxSpawner)
    spawner = users.spawner()
    assert await Hooks(Service).options_form(spawner) == ""
    await requested(Hooks(Service), spawner, {})
    users.close()


async def test_a_listed_choice_reaches_the_spawner(hooks: Hooks, users: Users) -> None:
    """Profile and option both."""
    spawner = users.spawner()
    await started(hooks, spawner, {"profile": "small", "profile-option-small--image": "listed"})
    assert (spawner.image, spawner.mem_limit) == ("listed:1", 2**30)


async def test_an_image_that_this_user_built_starts(hooks: Hooks, users: Users) -> None:
    """The build service is asked once more, on the server."""
    spawner = users.spawner()
    form = {"profile": "small", "profile-option-small--image--unlisted-choice": BUILT}
    await started(hooks, spawner, form)
    assert spawner.image == BUILT


@pytest.mark.parametrize(
    ("user", "image", "why"),
    [
        ("grace", BUILT, "somebody else"),
        ("ada", BUILT.replace("0", "1"), "not known"),
        ("ada", "docker.io/evil", "is not allowed here"),
        ("ada", "quay.io/silent", "does not answer"),
    ],
)
async def test_an_image_that_may_not_be_started_is_refused(
    hooks: Hooks, users: Users, user: str, image: str, why: str
) -> None:
    """With a sentence, whatever way it came; and the next form says it again."""
    spawner = users.spawner(user)
    with pytest.raises(Refusal, match=why):
        await requested(hooks, spawner, {"profile": "small", "image--unlisted-choice": image})
    assert why in (await page(hooks, spawner))["problem"]
    assert (await page(hooks, spawner))["problem"] == "", "it is said once"


async def test_a_profile_of_another_group_is_refused_by_name(hooks: Hooks, users: Users) -> None:
    """A link cannot reach what the form does not show."""
    with pytest.raises(Refusal):
        await requested(hooks, users.spawner(), {"profile": "staff"})


async def test_a_server_whose_options_were_never_checked_does_not_start(hooks: Hooks, users: Users) -> None:
    """As when an admin's own hook was put in the place of ours."""
    spawner = users.spawner()
    spawner.user_options = {"profile": "small"}
    with pytest.raises(Refusal, match="were not checked"):
        await hooks.pre_spawn(spawner)


async def test_what_was_checked_counts_for_one_start(hooks: Hooks, users: Users) -> None:
    """The next start is checked anew."""
    spawner = users.spawner()
    await started(hooks, spawner, {"profile": "small", "profile-option-small--image": "listed"})
    with pytest.raises(Refusal, match="were not checked"):
        await hooks.pre_spawn(spawner)


async def test_a_posted_form_that_cannot_be_read_is_refused(hooks: Hooks, users: Users) -> None:
    """And the form is shown again with the reason."""
    spawner = users.spawner()
    with pytest.raises(Refusal):
        await started(hooks, spawner, {"profile": "nothing"})
    assert (await page(hooks, spawner))["problem"]


async def test_the_form_remembers_the_last_choice(hooks: Hooks, users: Users) -> None:
    """What the hub's tables have is chosen again."""
    spawner = users.spawner()
    spawner.orm_spawner.user_options = {"profile": "small", "image": "listed", "n": 1}
    assert (await page(hooks, spawner))["chosen"] == {"profile": "small", "image": "listed"}


@pytest.mark.parametrize("theirs", [None, lambda spawner: "theirs", "wait"])
async def test_a_hook_of_the_admins_runs_after_ours(theirs: Any) -> None:
    """Plain or asynchronous; its answer counts."""
    order: list[str] = []

    async def ours(spawner: str) -> None:
        order.append("ours")

    async def waits(spawner: str) -> str:
        order.append("theirs")
        return "theirs"

    result = await after(ours, waits if theirs == "wait" else theirs)("spawner")
    assert order[0] == "ours" and result == ("theirs" if theirs else None)


def configured(section: str = "Spawner") -> tuple[Hooks, Config]:
    """The hooks of a hub whose configuration calls `setup`."""
    c = Config({"SandboxSpawner": {"profile_list": PROFILES}})
    c[section].pre_spawn_hook = lambda spawner: None
    return setup(c), c


@pytest.mark.parametrize(
    "name", ["auth_state_hook", "options_form", "options_from_form", "apply_user_options", "pre_spawn_hook"]
)
async def test_a_hook_that_was_overwritten_lets_no_server_start(name: str) -> None:
    """Each leaves something to the others: without one of them things would start unchecked, and nobody would know."""
    hooks, c = configured()
    users = Users(SandboxSpawner, c)
    await hooks.auth_state(users.spawner())
    c.Spawner[name] = lambda *_: {}
    users.close()
    users = Users(SandboxSpawner, c)
    spawner = users.spawner()
    for begins in (hooks.auth_state(spawner), hooks.apply_user_options(spawner, {})):
        with pytest.raises(Refusal, match=rf"in the place of Hubkiln's {name}\. An admin calls setup\(c\) last"):
            await begins
    users.close()


class WithHook(SandboxSpawner):  # type: ignore[misc]
    """A spawner whose class has a method where others have something to set."""

    def options_from_form(self, form_data: dict[str, list[str]]) -> dict[str, Any]:
        """What the class makes of a form."""
        return {"size": form_data["size"][0]}


async def test_a_hook_of_the_spawners_class_is_not_passed_over_in_silence() -> None:
    """A method wins over what a configuration says."""
    hooks, c = configured()
    users = Users(WithHook, c)
    with pytest.raises(Refusal, match="options_from_form"):
        await hooks.auth_state(users.spawner())
    users.close()


async def test_an_admin_is_told_of_lists_that_were_overwritten() -> None:
    """The page's files or the service are gone; users are not told."""
    hooks, c = configured()
    c.JupyterHub.services, c.JupyterHub.extra_handlers = [{"name": "other"}], []
    users = Users(SandboxSpawner, c)
    boss, ada = users.spawner("boss"), users.spawner("ada")
    boss.user.orm_user.admin = True
    boss.handler = ada.handler = None
    told = await hooks.options_form(boss)
    assert "overwrites c.JupyterHub.services" in told and "overwrites c.JupyterHub.extra_handlers" in told
    assert "overwrites" not in await hooks.options_form(ada)
    users.close()
