"""A GitHub App's tokens: each for one repository, kept as long as they hold, asked for with a proof that is checked."""

from __future__ import annotations

import logging
from ipaddress import ip_network
from pathlib import Path

import pytest

from hubkiln.errors import AccessDenied, BadSpec, Unreachable
from hubkiln.repositories import AppKey, GitHubApp, RepositorySettings, read_app
from hubkiln.testing.github import ID, FakeGitHub, app_key
from hubkiln.values import Spec

SECRET = Spec(provider="gh", repository="org/secret")


def app_at(github: FakeGitHub, id: str = ID) -> GitHubApp:
    """An app, by the clock of that GitHub."""
    settings = RepositorySettings(
        github=github.address, allowed_networks=(ip_network("127.0.0.0/8"),), github_app=AppKey(id=id, key=app_key())
    )
    return GitHubApp(settings, clock=lambda: github.now)


async def test_a_token_opens_one_repository_for_reading_and_is_kept_while_it_holds() -> None:
    """Two are asked for in two hours, whoever asks how often; each is good for five minutes more at least."""
    async with FakeGitHub("org/other", "org/secret") as github:
        app = app_at(github)
        for _ in range(3):
            assert await app.tokens(SECRET) == {github.address: "ghs_1"}
        github.now += 3600 - 301
        assert await app.tokens(SECRET) and len(github.given) == 1
        github.now, github.token = github.now + 2, "ghs_2"
        assert await app.tokens(SECRET) == {github.address: "ghs_2"}
    assert github.given == [{"repositories": ["secret"], "permissions": {"contents": "read"}}] * 2


async def test_where_it_is_not_installed_it_opens_nothing_and_is_not_asked_again_for_minutes() -> None:
    """Repositories of others, and those of other providers."""
    async with FakeGitHub("org/secret") as github:
        app = app_at(github)
        for _ in range(2):
            assert await app.tokens(Spec(provider="gh", repository="a/b")) == {}
        assert await app.tokens(Spec(provider="gl", repository="org/secret")) == {}
        assert dict(github.asked) == {"/repos/a/b/installation": 1}
        github.repositories = ("a/b",)
        github.now += 301
        assert await app.tokens(Spec(provider="gh", repository="a/b")) != {}


async def test_a_key_that_github_does_not_know_opens_nothing_and_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Public repositories are built all the same; who looks at the service's health reads why others are not."""
    async with FakeGitHub("org/secret") as github:
        app = app_at(github, "Iv-other")
        with caplog.at_level(logging.WARNING):
            assert await app.tokens(SECRET) == {}
        assert "the app opens nothing" in caplog.text and "PRIVATE KEY" not in caplog.text
        with pytest.raises(AccessDenied, match="does not know the app"):
            await app.check()
        await app_at(github).check()


async def test_github_that_has_had_enough_is_left_be_and_says_until_when() -> None:
    """The message has the minutes; no request is made before."""
    async with FakeGitHub("org/secret") as github:
        app, github.limited = app_at(github), True
        for _ in range(2):
            with pytest.raises(Unreachable, match="Try again in 10 minutes"):
                await app.tokens(SECRET)
        assert sum(github.asked.values()) == 1
        github.limited = False
        github.now += 601
        assert await app.tokens(SECRET) != {}


async def test_a_clock_that_is_set_back_closes_no_host_for_a_day() -> None:
    """What was to wait for minutes would wait for as long as the clock was wrong."""
    async with FakeGitHub("org/secret") as github:
        app, github.limited = app_at(github), True
        with pytest.raises(Unreachable):
            await app.tokens(SECRET)
        github.limited = False
        github.now -= 86400
        assert await app.tokens(SECRET) != {}


@pytest.mark.parametrize("text", ["", ID, f"{ID}\nno key", app_key()])
def test_a_file_that_holds_no_app_is_refused(tmp_path: Path, text: str) -> None:
    """With what belongs into it, and nothing of what is there."""
    (tmp_path / "app").write_text(text)
    with pytest.raises(BadSpec, match="first line") as caught:
        read_app(tmp_path / "app")
    assert "BEGIN" not in str(caught.value)
    (tmp_path / "app").write_text(f"{ID}\n{app_key()}")
    assert read_app(tmp_path / "app").id == ID and "BEGIN" not in repr(read_app(tmp_path / "app"))
