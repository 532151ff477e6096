"""What JupyterHub calls: draw the form, read the posted form, apply the choice, check once more before the start.

Each is one of the Spawner's official extension points, so they serve every Spawner class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any
from weakref import WeakKeyDictionary

from hubkiln.errors import HubkilnError, NotReady, Refused
from hubkiln.hub.apply import ProfileSource, apply, check_images, groups_of, listed_profiles, profiles_of, serve_the_hub
from hubkiln.hub.choices import OPEN, Chosen, choose, parse_form
from hubkiln.hub.foreign import native
from hubkiln.hub.form import Page, render
from hubkiln.hub.launched import chosen_for, tell_server
from hubkiln.hub.links import KEPT, Link, is_link, only_listed, query_of, read_link
from hubkiln.hub.opening import Opening
from hubkiln.hub.overwritten import lost, mark, overwritten
from hubkiln.hub.profiles import Profile, offered, public, spoken
from hubkiln.hub.pulling import Pulling
from hubkiln.hub.refusal import Refusal
from hubkiln.hub.roles import page_scopes
from hubkiln.hub.running import engine_of, missing, runs_local_images
from hubkiln.hub.service import Images
from hubkiln.languages import Language, Languages
from hubkiln.launches import Order, read_order, variables_of
from hubkiln.signing import Signer

UNMET = "The link asks for something that cannot be chosen on this hub. Start starts the usual server."
"""Of a hub without profiles: nothing is started in silence instead of what a link names."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody posted last, when it was refused."""

    problem: str
    posted: Mapping[str, str]


@dataclass(slots=True)
class Hooks:
    """The hooks of one hub."""

    images_at: Callable[[str], Images]
    """The build service, given its path (``/services/binder/``), which is known only once the hub runs."""

    service: str = "binder"
    """Name of the build service."""

    profile_list: ProfileSource | None = None
    """For spawners that have none of their own."""

    start_by_link: Sequence[str] = ()
    """Repositories whose images a link may start; see :func:`hubkiln.hub.links.image_repositories`."""

    build_by_link: Sequence[str] = ()
    """Sources (``gh/org``) whose repositories a link may build and start."""

    pulling: Pulling = field(default_factory=Pulling)
    """How servers' images are pulled."""

    opening: Opening = field(default_factory=Opening)
    """Starts built environments for spawners that know no images."""

    signer: Signer | None = None
    """Knows what the build service signed."""

    accept: Sequence[str] = ()
    """Systems whose shapes of options are let in; see :mod:`hubkiln.hub.foreign`."""

    languages: Languages = field(default_factory=Languages.read)
    """Those that the page can be read in."""

    build_scope: str = ""
    """What whoever builds must have; see :func:`hubkiln.hub.roles.page_scopes`."""

    version: str = ""

    placed: Sequence[str] = ()
    """Names of the hooks that were put into the configuration."""

    _links: WeakKeyDictionary[Any, Link] = field(default_factory=WeakKeyDictionary)
    """By the handler of the page that the link led to."""

    _refused: WeakKeyDictionary[Any, Attempt] = field(default_factory=WeakKeyDictionary)
    _applied: WeakKeyDictionary[Any, Chosen] = field(default_factory=WeakKeyDictionary)
    _orders: WeakKeyDictionary[Any, Order] = field(default_factory=WeakKeyDictionary)
    """Launches that the service vouches for, by spawner."""

    _accepted: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The options that passed last, by user and server."""

    def __deepcopy__(self, memo: object) -> Hooks:
        """Itself: traitlets copies configured values for each spawner, and these hooks must remember across them."""
        return self

    async def auth_state(self, spawner: Any, _: object = None) -> None:
        """Read the link that led to the spawn page; its options go on only if they may start, else to the form."""
        self._begin(spawner)
        handler = spawner.handler
        if handler is None or not is_link(handler) or handler in self._links:
            return  # a form, a request of the REST API, or the second call for a link
        profiles = offered(await profiles_of(spawner, self.profile_list), groups_of(spawner))
        query = handler.request.query_arguments
        link = read_link(query_of(handler.request), profiles, groups_of(spawner), self.start_by_link)
        self._links[handler] = link or Link()
        vars(spawner).pop("options_from_query", None)  # an earlier link's
        if link and link.starts:
            spawner.options_from_query = lambda _: dict(link.options)
        else:
            for name in set(query) - KEPT:
                del query[name]

    async def options_form(self, spawner: Any) -> str:
        """The HTML of the form; empty (so that JupyterHub starts at once) where there is nothing to choose from."""
        self._begin(spawner)
        profiles = offered(await profiles_of(spawner, self.profile_list), groups_of(spawner))
        link = self._links.get(spawner.handler, Link()) if is_link(spawner.handler) else Link()
        language = self.languages.asked(spawner.handler)
        if not profiles:
            unmet = f'<p class="alert alert-warning" lang="{language.tag}">{escape(language.say(UNMET))}</p>'
            return unmet if link.options or link.problem else ""
        attempt = self._refused.pop(spawner.user, None)
        return render(
            Page(
                profiles=spoken(profiles, language),
                chosen=attempt.posted if attempt else link.options or stored_options(spawner),
                linked=bool(link.options) and not attempt,
                opens="" if attempt else link.opens,
                start_by_link={"images": self.start_by_link, "sources": self.build_by_link},
                user=spawner.user.name,
                scopes=page_scopes(spawner.user, self.service, self.build_scope),
                hub_url=spawner.hub.base_url,
                service_url=self._service_path(spawner),
                xsrf=xsrf_token(spawner.handler),
                server_name=spawner.name,
                problem=attempt.problem if attempt else link.problem,
                lacking=await self._lacking(spawner),
                admin=viewer(spawner).admin,
                engine=engine_of(spawner),
                language=language,
                version=self.version,
            )
        )

    async def options_from_form(self, form_data: Mapping[str, Sequence[str]], spawner: Any = None) -> dict[str, str]:
        """The posted form as user options; a link that :meth:`auth_state` did not read starts nothing."""
        if spawner is None:
            raise Refusal(Refused("A link starts nothing by itself here.", hint="Choose below, then press Start."))
        self._begin(spawner)
        profiles = offered(await profiles_of(spawner, self.profile_list), groups_of(spawner))
        try:
            return parse_form(form_data, profiles)
        except HubkilnError as error:
            self._refused[spawner.user] = Attempt(error.for_users, {OPEN: str((form_data.get(OPEN) or [""])[0])})
            raise Refusal(error) from error

    async def apply_user_options(self, spawner: Any, user_options: Mapping[str, Any]) -> None:
        """Check the options, whatever way they came, and set the spawner accordingly."""
        self._begin(spawner)
        profiles = await profiles_of(spawner, self.profile_list)
        if not profiles and not user_options:
            return
        try:
            chosen = self._chosen(spawner, user_options, profiles)
            if is_link(spawner.handler) and not only_listed(chosen, self.start_by_link):
                raise Refused("A link fills the form in; it does not start this.", hint="Look at it, then press Start.")
        except HubkilnError as error:
            self._refused[spawner.user] = Attempt(error.for_users, {})
            self._forget(spawner)
            raise Refusal(error) from error
        try:
            await apply(spawner, chosen)
        except HubkilnError as error:
            raise Refusal(error) from error
        tell_server(spawner, variables_of(user_options), self._orders.get(spawner))
        self._applied[spawner] = chosen

    async def pre_spawn(self, spawner: Any) -> None:
        """Check typed and built images with the build service; refuse a server whose options were never checked."""
        if not spawner.has_trait("apply_user_options"):  # before JupyterHub 5.3 there was no hook for it
            await self.apply_user_options(spawner, spawner.user_options or {})
        chosen = self._applied.pop(spawner, None)
        try:
            if chosen is None:
                if spawner.user_options or await profiles_of(spawner, self.profile_list):
                    raise Refused(
                        "The options of this server were not checked.", hint="Ask an admin to look at the log."
                    )
                await self.pulling.prepare(spawner)
                return
            built = self._orders.pop(spawner, None) is not None  # then the service vouches for it
            if not built:
                images, local = self.images_at(self._service_path(spawner)), runs_local_images(spawner)
                checked = await check_images(chosen, spawner.user.name, images, groups=groups_of(spawner), local=local)
                if checked.overrides != chosen.overrides:
                    await apply(spawner, checked)
                built = any(picked.built for picked in checked.picked)
            if built:
                serve_the_hub(spawner)
            await self.pulling.prepare(spawner)
            await self.opening.open(spawner)
        except HubkilnError as error:
            self._refused[spawner.user] = Attempt(error.for_users, stored_options(spawner))
            self._forget(spawner)
            raise Refusal(error) from error
        self._accepted[spawner.user.name, spawner.name] = dict(spawner.orm_spawner.user_options or {})

    async def shown_profiles(self, user: Any, language: Language) -> list[dict[str, Any]]:
        """What a page beside the spawn page may know of the profiles that `user` can choose from."""
        self.opening.prepare(user.spawner)
        profiles = offered(await profiles_of(user.spawner, self.profile_list), groups_of(user.spawner))
        return public(spoken(profiles, language))

    async def _lacking(self, spawner: Any) -> Sequence[str]:
        listed, barred = await listed_profiles(spawner, self.profile_list), self.opening.barred(spawner)
        return await lacking(spawner, listed, barred, lost(spawner, self.service) if self.placed else ())

    def _begin(self, spawner: Any) -> None:
        """Before anything else: see that all hooks are there, since each leaves something to the others."""
        if gone := overwritten(spawner, self.placed, Hooks):
            raise Refusal(
                NotReady(
                    f"Servers cannot be started, because something else stands in the place of Hubkiln's {gone[0]}.",
                    hint="An admin calls setup(c) last in the hub's configuration.",
                )
            )
        self.opening.prepare(spawner)

    def _chosen(self, spawner: Any, user_options: Mapping[str, Any], profiles: Sequence[Profile]) -> Chosen:
        """What `user_options` mean, in whatever shape that is let in; raises UserError."""
        groups = groups_of(spawner)
        self._orders.pop(spawner, None)
        order = read_order(user_options, spawner.user.name, spawner.name, self.signer) if self.signer else None
        if order is None:
            return choose(native(user_options, profiles, groups, self.accept), profiles, groups)
        self._orders[spawner] = order
        return chosen_for(order.image, profiles, groups)

    def _forget(self, spawner: Any) -> None:
        """Take refused options out of what JupyterHub starts the next time that nothing is asked for."""
        before = self._accepted.get((spawner.user.name, spawner.name), {})
        spawner.user_options = dict(before)
        spawner.orm_spawner.user_options = dict(before)

    def _service_path(self, spawner: Any) -> str:
        return f"{spawner.hub.base_url.removesuffix('hub/')}services/{self.service}/"


def viewer(spawner: Any) -> Any:
    """Whoever reads the form: an admin may, of another user's server."""
    return getattr(spawner.handler, "current_user", None) or spawner.user


async def lacking(
    spawner: Any, profiles: Sequence[Profile] = (), barred: str = "", gone: Sequence[str] = ()
) -> Sequence[str]:
    """What is `gone`, and what servers lack, as `spawner` says or `profiles` ask for it, if an admin looks."""
    if not viewer(spawner).admin:
        return ()
    sentences, found = missing(spawner, profiles), getattr(spawner, "lacking", None)
    sentences = [*gone, *sentences, *([barred] if barred and sentences else [])]
    try:
        return [*sentences, *(await found() if callable(found) else ())]
    except HubkilnError as error:
        return [*sentences, str(error)]


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

    return mark(both)
