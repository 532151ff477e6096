"""What JupyterHub calls: draw the form, read the posted form, apply the choice, check once more before the start.

Each is one of the Spawner's official extension points, so they serve every Spawner class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from hubkiln.errors import HubkilnError, Refused
from hubkiln.hub.apply import ProfileSource, apply, check_images, groups_of, profiles_of
from hubkiln.hub.choices import OPEN, Chosen, choose, parse_form
from hubkiln.hub.form import Page, render
from hubkiln.hub.profiles import offered
from hubkiln.hub.refusal import Refusal
from hubkiln.hub.service import Images


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody posted last, when it was refused."""

    problem: str
    posted: Mapping[str, str]


@dataclass(slots=True)
class Hooks:
    """The four hooks of one hub."""

    images_at: Callable[[str], Images]
    """The build service, given its path (``/services/binder/``), which is known only once the hub runs."""

    service: str = "binder"
    """Name of the build service."""

    profile_list: ProfileSource | None = None
    """For spawners that have none of their own."""

    version: str = ""
    _refused: WeakKeyDictionary[Any, Attempt] = field(default_factory=WeakKeyDictionary)
    _applied: WeakKeyDictionary[Any, Chosen] = field(default_factory=WeakKeyDictionary)

    def __deepcopy__(self, memo: object) -> Hooks:
        """Itself: traitlets copies configured values for each spawner, and these hooks must remember across them."""
        return self

    async def options_form(self, spawner: Any) -> str:
        """The HTML of the form; empty (so that JupyterHub starts at once) where there is nothing to choose from."""
        profiles = offered(await profiles_of(spawner, self.profile_list), groups_of(spawner))
        if not profiles:
            return ""
        attempt = self._refused.pop(spawner.user, None)
        return render(
            Page(
                profiles=profiles,
                chosen=attempt.posted if attempt else stored_options(spawner),
                user=spawner.user.name,
                hub_url=spawner.hub.base_url,
                service_url=self._service_path(spawner),
                xsrf=xsrf_token(spawner.handler),
                server_name=spawner.name,
                problem=attempt.problem if attempt else "",
                version=self.version,
            )
        )

    async def options_from_form(self, form_data: Mapping[str, Sequence[str]], spawner: Any = None) -> dict[str, str]:
        """The posted form as user options; of a link's query JupyterHub does not tell the spawner."""
        if spawner is None:
            return parse_form(form_data)
        profiles = offered(await profiles_of(spawner, self.profile_list), groups_of(spawner))
        try:
            return parse_form(form_data, profiles)
        except HubkilnError as error:
            self._refused[spawner.user] = Attempt(str(error), {OPEN: str((form_data.get(OPEN) or [""])[0])})
            raise Refusal(error) from error

    async def apply_user_options(self, spawner: Any, user_options: Mapping[str, Any]) -> None:
        """Check the options, whatever way they came, and set the spawner accordingly."""
        profiles = await profiles_of(spawner, self.profile_list)
        if not profiles and not user_options:
            return
        try:
            chosen = choose(user_options, profiles, groups_of(spawner))
        except HubkilnError as error:
            self._refused[spawner.user] = Attempt(str(error), {})
            raise Refusal(error) from error
        await apply(spawner, chosen)
        self._applied[spawner] = chosen

    async def pre_spawn(self, spawner: Any) -> None:
        """Check typed and built images with the build service; refuse a server whose options were never checked."""
        chosen = self._applied.pop(spawner, None)
        try:
            if chosen is None:
                if spawner.user_options or await profiles_of(spawner, self.profile_list):
                    raise Refused(
                        "The options of this server were not checked.", hint="Ask an admin to look at the log."
                    )
                return
            await check_images(chosen, spawner.user.name, self.images_at(self._service_path(spawner)))
        except HubkilnError as error:
            self._refused[spawner.user] = Attempt(str(error), stored_options(spawner))
            raise Refusal(error) from error

    def _service_path(self, spawner: Any) -> str:
        return f"{spawner.hub.base_url.removesuffix('hub/')}services/{self.service}/"


def stored_options(spawner: Any) -> dict[str, str]:
    """What was chosen last time, as JupyterHub keeps it."""
    stored = getattr(spawner.orm_spawner, "user_options", None) or {}
    return {str(key): value for key, value in stored.items() if isinstance(value, str)}


def xsrf_token(handler: Any) -> str:
    """The token of the request being answered; empty after a post, whose handler JupyterHub does not tell us."""
    if handler is None or getattr(handler, "_finished", True):
        return ""
    token = getattr(handler, "xsrf_token", b"")
    return token.decode("ascii") if isinstance(token, bytes) else str(token)


def after(ours: Any, theirs: Any) -> Any:
    """A hook that runs `ours`, then the one an admin had set before; `theirs` alone decides what is returned."""
    if not callable(theirs):
        return ours

    async def both(*arguments: Any) -> Any:
        await ours(*arguments)
        result = theirs(*arguments)
        return await result if inspect.isawaitable(result) else result

    return both
