"""Who may build, as admins decide it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.repositories import RepositorySettings, parse_spec
from hubkiln.testing.builds import BUILT
from hubkiln.testing.hub import FakeAuth
from hubkiln.testing.service import in_memory
from hubkiln.values import Spec
from hubkiln.web import Caller, WebSettings

ORDER = {"spec": "org/repo"}


async def test_an_admin_forbids_and_takes_back(tmp_path: Path) -> None:
    """A rule holds at once, for both ways to build, and no longer than until it is removed."""
    async with in_memory(tmp_path) as service:
        rule = {"kind": "spec", "pattern": "gh/org/*", "reason": "closed"}
        made = await service.ask("POST", "api/rules", "root", json=rule)
        assert made.status_code == 201 and made.json()["author"] == "root"
        refused = await service.ask("POST", "api/builds", json=ORDER)
        assert refused.status_code == 403 and "closed" in refused.text
        assert "closed" in (await service.ask("GET", "build/gh/org/repo/HEAD?build_only=true")).text
        assert (await service.ask("GET", "api/rules", "root")).json()["rules"] == [made.json()]
        assert (await service.ask("DELETE", f"api/rules/{made.json()['id']}", "root")).status_code == 204
        assert (await service.ask("POST", "api/builds", json=ORDER)).status_code == 201


async def test_a_rule_that_would_have_ended_is_refused(tmp_path: Path) -> None:
    """An admin who mistypes the year would believe that something is forbidden."""
    async with in_memory(tmp_path) as service:
        rule = {"kind": "user", "pattern": "eve", "expires": "2020-12-01T00:00:00Z"}
        refused = await service.ask("POST", "api/rules", "root", json=rule)
        assert refused.status_code == 400 and "over already" in refused.text
        assert (await service.ask("GET", "api/rules", "root")).json()["rules"] == []


async def test_a_rule_about_lists_of_packages_holds_of_what_is_added(tmp_path: Path) -> None:
    """Whoever may not build a list may not add one to a repository that is allowed either."""

    def read(text: str, ref: str | None, subdir: str) -> Spec:
        return parse_spec(text, ref, subdir=subdir, settings=RepositorySettings())

    async with in_memory(tmp_path, parse=read) as service:
        allowed = {"kind": "spec", "pattern": "gh/org/*", "allowed": True}
        assert (await service.ask("POST", "api/rules", "root", json=allowed)).status_code == 201
        assert (await service.ask("POST", "api/builds", json=ORDER)).status_code == 201
        more = {"spec": "org/repo + numpy"}
        assert (await service.ask("POST", "api/builds", json=more)).status_code == 403
        allowed["pattern"] = "inline/numpy*"
        assert (await service.ask("POST", "api/rules", "root", json=allowed)).status_code == 201
        built = (await service.ask("POST", "api/builds", json=more)).json()
        assert (built["title"], built["spec"]["packages"]) == ("org/repo + numpy", ["numpy"])
        assert (await service.ask("POST", "api/builds", json={"spec": "org/repo + scipy"})).status_code == 403


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("DELETE", "/x")])
async def test_rules_are_for_admins(tmp_path: Path, method: str, path: str) -> None:
    """Others may neither see nor change them."""
    async with in_memory(tmp_path) as service:
        body = {"json": {"kind": "user", "pattern": "x"}} if method == "POST" else {}
        assert (await service.ask(method, f"api/rules{path}", **body)).status_code == 403


async def test_an_image_that_is_forbidden_does_not_start(tmp_path: Path) -> None:
    """The hub is told that the user may not see it, though it was built and saved."""
    async with in_memory(tmp_path) as service:
        build = (await service.ask("POST", "api/builds", json=ORDER)).json()
        await service.ask("GET", f"api/builds/{build['id']}/events")
        asked = f"api/images?ref={BUILT.image}&user=ada"
        assert (await service.ask("GET", asked, "hub")).json()["visible"]
        await service.ask("POST", "api/rules", "root", json={"kind": "image", "pattern": "hubkiln.local/*"})
        found = (await service.ask("GET", asked, "hub")).json()
        assert found["known"] and not found["visible"]


async def test_a_network_is_banned_while_the_service_runs(tmp_path: Path) -> None:
    """For both ways to build, whoever asks; others are not concerned; IPv6 too; nonsense is refused."""
    async with in_memory(tmp_path) as service:
        for pattern in ("203.0.113.0/24", "2001:db8::/32"):
            rule = {"kind": "network", "pattern": pattern, "reason": "a robot", "expires": "2999-01-01T00:00:00Z"}
            assert (await service.ask("POST", "api/rules", "root", json=rule)).status_code == 201
        for address, allowed in (("203.0.113.9", False), ("2001:db8::7", False), ("198.51.100.1", True)):
            headers = {"X-Forwarded-For": address}
            streamed = await service.ask("GET", "build/gh/org/repo/HEAD?build_only=true", headers=headers)
            ordered = await service.ask("POST", "api/builds", json=ORDER, headers=headers)
            assert (ordered.status_code != 403) is ("a robot" not in ordered.text) is allowed
            assert ("a robot" not in streamed.text) is allowed
        wrong = await service.ask("POST", "api/rules", "root", json={"kind": "network", "pattern": "gh/*"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "bad_spec")


async def test_who_may_build_is_a_scope(tmp_path: Path) -> None:
    """Without it both ways to build are refused; with it, and for admins, they work."""
    scope = "custom:hubkiln:build"
    auth = FakeAuth(
        {
            "ada": Caller(name="ada"),
            "grace": Caller(name="grace", scopes=frozenset({scope})),
            "root": Caller(name="root", admin=True),
        }
    )
    web = WebSettings(build_scope=scope, hold_seconds=0)
    async with in_memory(tmp_path, auth=auth, web=web) as service:
        answers = [await service.ask("POST", "api/builds", user, json=ORDER) for user in ("ada", "grace", "root")]
        assert [answer.status_code // 100 for answer in answers] == [4, 2, 2] and scope in answers[0].text
        streamed = await service.ask("GET", "build/gh/org/repo/HEAD?build_only=true")
        assert '"failed"' in streamed.text.replace(" ", "") and scope in streamed.text


async def test_priority_is_an_admins(tmp_path: Path) -> None:
    """Nobody else goes before the others."""
    async with in_memory(tmp_path) as service:
        assert (await service.ask("POST", "api/builds", json=ORDER | {"priority": 9})).status_code == 403
        assert (await service.ask("POST", "api/builds", "root", json=ORDER | {"priority": 9})).status_code == 201
