"""What a spawner needs to pull images: a secret's name for KubeSpawner, a login and the right words for DockerSpawner.

DockerSpawner is not imported: it is known by its traits, and its own `docker` method speaks to the engine.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubkiln.errors import BadSpec, ServiceError, Unreachable
from hubkiln.images import parse_name

Login = tuple[str, str] | Callable[[], Any]
"""User name and password; or what returns them, also later, for tokens that do not last long."""

PULL_SECONDS = 1800
"""Longest pull; it comes before the spawner's own time limit begins."""

SECRETS = "image_pull_secrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulling:
    """How servers' images are pulled."""

    secrets: Sequence[str] = ()
    """Names of Kubernetes secrets."""

    logins: Mapping[str, Login] = field(default_factory=dict, repr=False)
    """By host of the registry, as images name it."""

    async def prepare(self, spawner: Any) -> None:
        """
        See that `spawner`, whose image is chosen, can have it.

        Raises:
            ServiceError: it cannot be pulled now.
        """
        if self.secrets and spawner.has_trait(SECRETS):
            self._add_secrets(spawner)
        if is_docker(spawner):
            agree(spawner)
            await self._bring(spawner)

    def _add_secrets(self, spawner: Any) -> None:
        spawner.image_pull_secrets = self._with_ours(spawner.image_pull_secrets)
        for profile in getattr(spawner, "profile_list", None) or ():
            options = profile.get("profile_options", {}).values() if isinstance(profile, dict) else ()
            chosen = [choice for option in options for choice in option["choices"].values()]
            for one in (profile, *chosen):
                override = one.get("kubespawner_override") or {}
                if SECRETS in override:
                    override[SECRETS] = self._with_ours(override[SECRETS])

    def _with_ours(self, secrets: Sequence[Any] | None) -> list[Any]:
        there = list(secrets or ())
        named = {one.get("name") if isinstance(one, Mapping) else one for one in there}
        return [*there, *(name for name in self.secrets if name not in named)]

    async def _bring(self, spawner: Any) -> None:
        """
        Log in, and pull an image by digest.

        DockerSpawner 14 takes the digest's hexadecimal digits for a tag, so for such an image it must find the image
        there already.
        """
        try:
            name = parse_name(spawner.image)
        except BadSpec:
            return  # a name that only its engine knows
        if spawner.pull_policy in ("skip", "never"):
            return
        if name.host in self.logins:
            await self._log_in(spawner, name.host)
        if name.digest is None or await has_image(spawner):
            return
        spawner.pull_policy = "ifnotpresent"  # a digest never means another image
        spawner.log.info("pulling %s", spawner.image)
        said = ""
        try:
            said = await asyncio.wait_for(asked(spawner, "pull", name.repository, name.digest), PULL_SECONDS)
        except OSError as error:  # what Docker's client raises
            said = str(error)
        if not await has_image(spawner):
            spawner.log.error("cannot pull %s: %r", spawner.image, said[-2000:])  # a stranger's registry may say it
            raise Unreachable(
                "The image of this server cannot be pulled.", hint="An admin finds the reason in the hub's log."
            )

    async def _log_in(self, spawner: Any, host: str) -> None:
        login = self.logins[host]
        found = login() if callable(login) else login
        username, password = await found if inspect.isawaitable(found) else found
        try:
            await asked(spawner, "login", username=username, password=password, registry=host, reauth=callable(login))
        except OSError as error:
            spawner.log.error("cannot log in to %s: %r", host, error)
            raise ServiceError(
                f"The hub cannot log in to {host}, where the image of this server is.",
                hint="An admin finds the reason in the hub's log.",
            ) from error


def is_docker(spawner: Any) -> bool:
    """Whether `spawner` is DockerSpawner or one of its kin."""
    return callable(getattr(spawner, "docker", None)) and spawner.has_trait("pull_policy")


def agree(spawner: Any) -> None:
    """
    Let DockerSpawner start what was chosen and checked.

    It reads the choice of an option called `image` as an image's name, and looks it up among its own allowed ones.
    """
    choice = (spawner.user_options or {}).get("image")
    if choice and spawner.has_trait("allowed_images"):
        spawner.allowed_images = {choice: spawner.image}


async def has_image(spawner: Any) -> bool:
    """
    Whether the engine has the image.

    Raises:
        ServiceError: it does not answer.
    """
    try:
        await asked(spawner, "inspect_image", spawner.image)
    except OSError as error:
        if isinstance(error, getattr(sys.modules.get("docker.errors"), "NotFound", ())):
            return False
        spawner.log.error("the container engine does not answer: %r", error)
        raise ServiceError(
            "The container engine that runs servers does not answer.",
            hint="An admin finds the reason in the hub's log.",
        ) from error
    return True


async def asked(spawner: Any, method: str, *arguments: Any, **named: Any) -> Any:
    """What Docker's client says."""
    answer = spawner.docker(method, *arguments, **named)
    return await answer if inspect.isawaitable(answer) else await asyncio.wrap_future(answer)
