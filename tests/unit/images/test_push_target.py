"""Where images go and what servers call them: one reference for one image."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hubkiln.errors import BadSpec, Unreachable
from hubkiln.images import OCI_MANIFEST, PushTarget, RegistryClient
from hubkiln.images.clients import push_settings
from hubkiln.images.references import References
from hubkiln.testing.registry import InMemoryRegistry
from hubkiln.testing.workshop import client

DIGEST = "@sha256:" + "a" * 64
ONE = PushTarget("registry.lan:5000/hub/all", "nodes.lan/all")
EACH = PushTarget("registry.lan:5000/hub/{name}", "nodes.lan/hub/{name}")


def test_images_share_a_repository_or_have_one_each() -> None:
    """By the admin's rule; a name that no registry takes is made plain, and equal names are told apart."""
    assert ONE.repository("waves", "1a2b3c4d") == "registry.lan:5000/hub/all"
    assert EACH.repository("waves", "1a2b3c4d") == "registry.lan:5000/hub/waves-1a2b3c4d"
    assert EACH.repository("..Wave__s.", "1a2b3c4d") == "registry.lan:5000/hub/wave-s-1a2b3c4d"
    assert EACH.repository("...", "1a2b3c4d") == "registry.lan:5000/hub/environment-1a2b3c4d"


@pytest.mark.parametrize(
    ("target", "pushed", "pulled"),
    [
        (ONE, f"registry.lan:5000/hub/all{DIGEST}", f"nodes.lan/all{DIGEST}"),
        (ONE, "registry.lan:5000/hub/all:v1", "nodes.lan/all:v1"),
        (EACH, f"registry.lan:5000/hub/waves-1a2b3c4d{DIGEST}", f"nodes.lan/hub/waves-1a2b3c4d{DIGEST}"),
    ],
)
def test_servers_have_a_name_of_their_own(target: PushTarget, pushed: str, pulled: str) -> None:
    """There and back."""
    assert (target.pulled(pushed), target.pushed(pulled)) == (pulled, pushed)


@pytest.mark.parametrize("reference", [f"registry.lan:5000/hub/other{DIGEST}", f"registry.lan:5000/hub/all/x{DIGEST}"])
def test_other_images_keep_their_names(reference: str) -> None:
    """Also those that begin like ours."""
    assert ONE.pulled(reference) == reference and not ONE.holds(reference)


@pytest.mark.parametrize(
    "push",
    ["registry.lan/hub/all:v1", f"registry.lan/hub{DIGEST}", "registry.lan/Hub", "registry.lan/{tag}", "https://x/y"],
)
def test_what_is_no_repository_is_named(push: str) -> None:
    """With the key, and how to write it."""
    with pytest.raises(BadSpec, match="HUBKILN_PUSH"):
        push_settings({"HUBKILN_PUSH": push})


def test_the_rule_is_the_same_for_pushing_and_pulling() -> None:
    """Else nobody could tell which image is meant."""
    with pytest.raises(BadSpec, match="Only one of"):
        push_settings({"HUBKILN_PUSH": "registry.lan/hub/{name}", "HUBKILN_PULL_FROM": "nodes.lan/hub"})


@pytest.fixture
def registry() -> Iterator[InMemoryRegistry]:
    """A registry."""
    with InMemoryRegistry() as running:
        yield running


async def test_every_spelling_of_an_image_is_one_reference(registry: InMemoryRegistry) -> None:
    """By tag, by digest, by both, by the name that is pushed to or pulled by."""
    async with client() as pushing:
        target = PushTarget(f"{registry.host}/hub/all", "nodes.lan/all")
        digest = await put(pushing, f"{registry.host}/hub/all:v1")
    references = References(target, client)
    known = f"nodes.lan/all@{digest}"
    for name in (f"{registry.host}/hub/all", "nodes.lan/all"):
        for written in (f"{name}:v1", f"{name}@{digest}", f"{name}:v1@{digest}", f" {name}:v1"):
            assert await references.one(written) == known, written
    assert await references.there(known) is True
    assert await references.there(f"nodes.lan/all{DIGEST}") is False


@pytest.mark.parametrize("tag", ["gone", "moved"])
async def test_the_tag_of_an_image_that_is_there_is_set_again(registry: InMemoryRegistry, tag: str) -> None:
    """Whoever took or moved it; an image that is gone gets none."""
    async with client() as pushing:
        digest = await put(pushing, f"{registry.host}/hub/all:v1")
        other = await put(pushing, f"{registry.host}/hub/all:moved", b" ")
    references = References(PushTarget(f"{registry.host}/hub/all", "nodes.lan/all"), client)
    tags = registry.repositories["hub/all"].tags
    assert digest != other and await references.there(f"nodes.lan/all@{digest}", tag) is True
    assert tags[tag] == digest
    assert await references.there(f"nodes.lan/all{DIGEST}", tag) is False and tags[tag] == digest


async def test_what_is_not_ours_is_asked_of_nobody() -> None:
    """Its tag stays a tag; a digest makes the tag beside it say nothing."""
    references = References(ONE, client)
    assert await references.one("quay.lan/org/name:1") == "quay.lan/org/name:1"
    assert await references.one(f"quay.lan/org/name:1{DIGEST}") == f"quay.lan/org/name{DIGEST}"
    assert await references.one("Not a name") == "Not a name"
    assert await references.there(f"quay.lan/org/name{DIGEST}") is None


async def test_a_registry_that_does_not_answer_tells_nothing(registry: InMemoryRegistry) -> None:
    """What a tag of ours means is then an error, never “unknown”."""
    references = References(PushTarget(f"{registry.host}/all", f"{registry.host}/all"), client)
    registry.__exit__(None, None, None)
    with pytest.raises(Unreachable):
        await references.one(f"{registry.host}/all:v1")


async def put(pushing: RegistryClient, name: str, end: bytes = b"") -> str:
    """A manifest of nothing; its digest."""
    from hubkiln.images.names import parse_name

    data = b'{"schemaVersion":2,"mediaType":"%s","layers":[]}' % OCI_MANIFEST.encode() + end
    return (await pushing.put_manifest(parse_name(name), data)).digest
