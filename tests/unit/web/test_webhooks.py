"""Webhooks: a forge that knows the secret has a branch built, once; nobody else has anything built."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from hubkiln.errors import Refused
from hubkiln.testing.builds import FakeBuilder
from hubkiln.testing.service import Service, in_memory
from hubkiln.web.settings import WebSettings
from hubkiln.web.signatures import check_sender, signed
from hubkiln.web.webhooks import LARGEST

SECRET = "between us"
WEB = WebSettings(webhook_secret=SECRET, webhook_repositories=("gh/org/*", "gh/other/repo@release-*", "gl/a/b/c"))


def push(branch: str = "main", repository: str = "org/repo", **more: Any) -> dict[str, Any]:
    """What GitHub and Gitea tell (docs.github.com, "Webhook events and payloads": push)."""
    told = {"ref": f"refs/heads/{branch}", "after": "b" * 40, "deleted": False}
    return told | {"repository": {"full_name": repository, "default_branch": "main"}} | more


def of_gitlab(repository: str = "a/b/c", **more: Any) -> dict[str, Any]:
    """What GitLab tells (docs.gitlab.com, "Webhook events": push events)."""
    project = {"path_with_namespace": repository, "default_branch": "main"}
    return {"object_kind": "push", "ref": "refs/heads/main", "after": "b" * 40, "project": project} | more


def hexed(body: bytes, secret: str = SECRET) -> str:
    """The signature of GitHub and Gitea."""
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def github(body: bytes, event: str = "push", secret: str = SECRET) -> dict[str, str]:
    """GitHub's headers."""
    return {"X-GitHub-Event": event, "X-Hub-Signature-256": f"sha256={hexed(body, secret)}"}


@pytest_asyncio.fixture
async def heard(tmp_path: Path) -> AsyncIterator[tuple[Service, FakeBuilder]]:
    """A service that hears webhooks."""
    builder = FakeBuilder()
    async with in_memory(tmp_path, builder, web=WEB) as service:
        yield service, builder


async def tell(
    service: Service, source: str, told: dict[str, Any], headers: dict[str, str] | None = None
) -> httpx.Response:
    """A webhook, of GitHub unless `headers` are another's."""
    body = json.dumps(told).encode()
    return await service.ask(
        "POST", f"api/webhooks/{source}", None, content=body, headers=github(body) if headers is None else headers
    )


async def test_a_push_to_a_listed_default_branch_is_built(heard: tuple[Service, FakeBuilder]) -> None:
    """What the branch is now, for the service's webhooks, behind people who wait."""
    service, _ = heard
    answer = await tell(service, "gh", push())
    build = answer.json()["build"]
    assert (answer.status_code, build["title"], build["owner"]) == (201, "org/repo", "service/webhooks")
    assert (build["spec"]["ref"], build["spec"]["provider"]) == ("main", "gh")
    assert (await service.ask("GET", f"api/builds/{build['id']}", "ada")).status_code == 404


@pytest.mark.parametrize(
    ("told", "source", "why"),
    [
        (push("topic"), "gh", "not this branch"),
        (push(repository="evil/repo"), "gh", "not listed gh/evil/repo"),
        (push(repository="org/repo"), "gl", "not listed gl/org/repo"),
        (push("main", "other/repo"), "gh", "not this branch"),
        (push(ref="refs/tags/v1"), "gh", "Only pushes to branches"),
        (push(deleted=True), "gh", "Only pushes to branches"),
        (push(after="0" * 40), "gh", "Only pushes to branches"),
    ],
)
async def test_what_is_not_listed_is_not_built(
    heard: tuple[Service, FakeBuilder], told: dict[str, Any], source: str, why: str
) -> None:
    """The forge is told why, with a status that it takes for heard."""
    service, builder = heard
    answer = await tell(service, source, told)
    assert (answer.status_code, answer.json()["build"]) == (200, None) and why in answer.json()["why"]
    assert builder.requests == []


async def test_other_branches_are_built_where_a_pattern_names_them(heard: tuple[Service, FakeBuilder]) -> None:
    """And events that are no pushes are only heard."""
    service, _ = heard
    answer = await tell(service, "gh", push("release-1", "other/repo"))
    assert answer.json()["build"]["spec"]["ref"] == "release-1"
    body = b"{}"
    ping = await tell(service, "gh", {}, github(body, "ping"))
    assert (ping.status_code, ping.json()["build"]) == (200, None)


async def test_gitea_and_gitlab_are_understood(heard: tuple[Service, FakeBuilder]) -> None:
    """Gitea's bare signature; GitLab's token and its signing token; a repository of groups is one segment."""
    service, _ = heard
    body = json.dumps(push(after="1" * 40)).encode()
    gitea = await tell(service, "gh", push(after="1" * 40), {"X-Gitea-Event": "push", "X-Gitea-Signature": hexed(body)})
    assert gitea.status_code == 201
    token = await tell(service, "gl", of_gitlab(), {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRET})
    assert token.json()["build"]["spec"]["repository"] == "a%2Fb%2Fc/main"  # as the stand-in parser keeps it
    body = json.dumps(of_gitlab(after="2" * 40)).encode()
    signing = {"X-Gitlab-Event": "Push Hook"} | signed(body, SECRET, "msg", time.time())
    assert (await tell(service, "gl", of_gitlab(after="2" * 40), signing)).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={hexed(b'other')}"},
        {"X-GitHub-Event": "push", "X-Hub-Signature-256": ""},
        {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=é"},
        {"X-Gitea-Event": "push", "X-Gitea-Signature": "0" * 64},
        {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "wrong"},
        {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": ""},
        {"X-Gitlab-Event": "Push Hook"} | signed(json.dumps(push()).encode(), SECRET, "m", time.time() - 3600),
        {"X-Gitlab-Event": "Push Hook"} | signed(json.dumps(push()).encode(), "other", "m", time.time()),
        {"X-Gitlab-Event": "Push Hook", "webhook-signature": "v1,"},
        {"Authorization": "Bearer root"},
    ],
)
async def test_who_does_not_know_the_secret_is_refused(
    heard: tuple[Service, FakeBuilder], headers: dict[str, str]
) -> None:
    """With 403, whatever the forge and whatever is missing; also an admin's token is of no use."""
    service, builder = heard
    sent = {name: value.encode() for name, value in headers.items()}
    answer = await tell(service, "gh", push(), sent)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "refused")
    assert builder.requests == [] and SECRET not in answer.text


async def test_the_same_body_is_heard_once(heard: tuple[Service, FakeBuilder]) -> None:
    """Whoever recorded it, or a forge that delivers again, starts nothing; another source's is another."""
    service, _ = heard
    assert (await tell(service, "gh", push())).status_code == 201
    again = await tell(service, "gh", push())
    assert (again.status_code, again.json()) == (200, {"build": None, "why": "This was told before."})


async def test_a_webhook_that_was_refused_can_come_again(tmp_path: Path) -> None:
    """Only what became a build is remembered: the forge's second delivery is not lost."""
    from hubkiln.builds import RuleKind

    async with in_memory(tmp_path, web=WEB) as service:
        rule = await service.jobs.rules.add(RuleKind.SPEC, "gh/org/*", author="root")
        assert (await tell(service, "gh", push())).status_code == 403
        await service.jobs.rules.remove(rule.id)
        assert (await tell(service, "gh", push())).status_code == 201


async def test_a_body_is_bounded_and_its_nonsense_said(heard: tuple[Service, FakeBuilder]) -> None:
    """More than other requests may have, and an end all the same; what is signed and no push is 400."""
    service, _ = heard
    padded = await tell(service, "gh", push(commits=["x" * 200_000]))
    assert padded.status_code == 201
    assert (await tell(service, "gh", push(commits=["x" * LARGEST]))).status_code == 413
    for body in (b"[]", b"{", b'{"repository": 1}', b"\xff"):
        answer = await service.ask("POST", "api/webhooks/gh", None, content=body, headers=github(body))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_spec")
    form = b"payload=" + json.dumps(push(after="3" * 40)).encode()
    headers = github(form) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await service.ask("POST", "api/webhooks/gh", None, content=form, headers=headers)).status_code == 201


async def test_without_a_secret_there_are_no_webhooks(tmp_path: Path) -> None:
    """As if the address were nothing, also for an empty token."""
    async with in_memory(tmp_path) as service:
        answer = await tell(service, "gh", push(), {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": ""})
        assert answer.status_code == 404


def test_signatures_are_those_of_the_published_examples() -> None:
    """GitHub's ("Validating webhook deliveries") and the Standard Webhooks' own."""
    headers = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    check_sender(headers, b"Hello, World!", "It's a Secret to Everybody", 0)
    secret, id, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
    ours = signed(b'{"test": 2432232314}', secret, id, at)
    assert ours["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    several = ours | {"webhook-signature": f"v1,{base64.b64encode(b'x').decode()} {ours['webhook-signature']}"}
    check_sender(several, b'{"test": 2432232314}', secret, at + 299)
    for now, body in ((at + 301, b'{"test": 2432232314}'), (at, b'{"test": 1}')):
        with pytest.raises(Refused):
            check_sender(several, body, secret, now)
