"""What spawners are handed to pull images with."""

from __future__ import annotations

import logging
import sys
from types import ModuleType
from typing import Any

import pytest
from traitlets import Dict, HasTraits, List, Unicode

from hubkiln.errors import ServiceError, Unreachable
from hubkiln.hub.pulling import Pulling

BY_DIGEST = "registry.lan:5000/hub/waves@sha256:" + "0" * 64


class KubeLike(HasTraits):
    """A spawner that knows secrets, with a profile that names one."""

    image_pull_secrets = List()
    profile_list = List()


async def test_secrets_are_added_to_what_is_there() -> None:
    """In the trait and in an override that would replace it, each once."""
    override = {"image_pull_secrets": [{"name": "of-profile"}]}
    spawner = KubeLike(image_pull_secrets=["theirs", "ours"], profile_list=[{"kubespawner_override": override}])
    await Pulling(secrets=("ours", "more")).prepare(spawner)
    assert spawner.image_pull_secrets == ["theirs", "ours", "more"]
    assert override["image_pull_secrets"] == [{"name": "of-profile"}, "ours", "more"]


class Missing(OSError):
    """As Docker's client says that an image is not there."""


class DockerLike(HasTraits):
    """DockerSpawner as far as its traits go, and an engine that remembers what it was asked."""

    image = Unicode(BY_DIGEST)
    pull_policy = Unicode("always")
    allowed_images = Dict()
    user_options = Dict({"profile": "p", "image": "small"})
    log = logging.getLogger("docker-like")

    def __init__(self, there: bool = False, broken: bool = False) -> None:
        super().__init__()
        self.there, self.broken, self.asked = there, broken, list[Any]()

    async def docker(self, method: str, *arguments: Any, **named: Any) -> str:
        """What the engine says."""
        self.asked.append((method, *arguments, named))
        if self.broken:
            raise OSError("no such socket")
        if method == "inspect_image" and not self.there:
            raise Missing
        self.there = self.there or method == "pull"
        return "said"


@pytest.fixture(autouse=True)
def errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's own module of errors."""
    module: Any = ModuleType("docker.errors")
    module.NotFound = Missing
    monkeypatch.setitem(sys.modules, "docker.errors", module)


async def test_an_image_by_digest_is_pulled_before_dockerspawner_looks() -> None:
    """With the digest as Docker's client takes it; DockerSpawner then finds it there, whatever it would do else."""
    spawner = DockerLike()
    await Pulling(logins={"registry.lan:5000": ("ann", "secret")}).prepare(spawner)
    methods = [asked[0] for asked in spawner.asked]
    assert methods == ["login", "inspect_image", "pull", "inspect_image"]
    assert spawner.asked[2][1:3] == ("registry.lan:5000/hub/waves", "sha256:" + "0" * 64)
    assert spawner.asked[0][1]["username"] == "ann" and spawner.pull_policy == "ifnotpresent"


async def test_what_is_there_is_not_pulled() -> None:
    """A digest never means another image."""
    spawner = DockerLike(there=True)
    await Pulling().prepare(spawner)
    assert [asked[0] for asked in spawner.asked] == ["inspect_image"]


async def test_a_login_may_be_made_anew_each_time() -> None:
    """For tokens that do not last."""

    async def login() -> tuple[str, str]:
        return "AWS", "token"

    spawner = DockerLike(there=True)
    await Pulling(logins={"registry.lan:5000": login}).prepare(spawner)
    assert spawner.asked[0][1] == {
        "username": "AWS",
        "password": "token",
        "registry": "registry.lan:5000",
        "reauth": True,
    }


async def test_the_checked_image_is_the_allowed_one() -> None:
    """DockerSpawner looks the choice of an option called image up among its own."""
    spawner = DockerLike(there=True)
    await Pulling().prepare(spawner)
    assert spawner.allowed_images == {"small": BY_DIGEST}


async def test_an_engine_that_does_not_answer_is_a_sentence() -> None:
    """For the user; the reason is in the log, and the password nowhere."""
    with pytest.raises(ServiceError, match="does not answer"):
        await Pulling().prepare(DockerLike(broken=True))
    pulling = Pulling(logins={"registry.lan:5000": ("ann", "secret")})
    with pytest.raises(ServiceError, match="cannot log in to registry"):
        await pulling.prepare(DockerLike(broken=True))
    assert "ann" not in repr(pulling)


async def test_an_image_that_cannot_be_pulled_is_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    """Docker's client tells some failures in its words alone, which a stranger's registry may have said: one line."""

    class Nothing(DockerLike):
        async def docker(self, method: str, *arguments: Any, **named: Any) -> str:
            if method == "inspect_image":
                raise Missing
            return "manifest unknown\x1b]0;hit\x07\n[E] forged"

    with pytest.raises(Unreachable, match="cannot be pulled"):
        await Pulling().prepare(Nothing())
    [line] = caplog.messages
    assert "manifest unknown" in line and line.isprintable()


async def test_policies_that_never_pull_are_kept() -> None:
    """As Swarm's, whose nodes pull by themselves."""
    spawner = DockerLike()
    spawner.pull_policy = "skip"
    await Pulling().prepare(spawner)
    assert spawner.asked == []
