"""Limits for a time, as admins set them and users meet them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.testing.builds import BUILT
from hubkiln.testing.service import in_memory

ORDER = {"spec": "org/repo"}
LESS = {"kind": "everybody", "limits": {"user_builds_daily": 1, "user_launches_daily": 1}, "reason": "Exam week"}
ENDS = {"ends": "2999-01-01T00:00:00Z"}


async def test_an_admin_sets_other_limits_and_takes_them_back(tmp_path: Path) -> None:
    """They hold at once; whoever is refused reads why, and `api/limits` says so before."""
    async with in_memory(tmp_path) as service:
        assert (await service.ask("GET", "api/limits")).json()["limits"]["user_builds_daily"] is None
        made = await service.ask("POST", "api/occasions", "root", json=LESS | ENDS)
        assert made.status_code == 201 and made.json()["author"] == "root"
        assert (await service.ask("POST", "api/builds", json=ORDER)).status_code == 201
        mine = (await service.ask("GET", "api/limits")).json()
        assert (mine["limits"]["user_builds_daily"], mine["used"]["user_builds_daily"]) == (1, 1)
        assert {"limit": "user_builds_daily", "ends": ENDS["ends"], "reason": "Exam week"} in mine["changed"]
        refused = await service.ask("POST", "api/builds", json={"spec": "org/other"})
        assert refused.status_code == 429 and "Exam week" in refused.json()["error"]["message"]
        assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
        assert "Exam week" in (await service.ask("GET", "build/gh/org/other/HEAD?build_only=true")).text
        assert (await service.ask("GET", "api/occasions", "root")).json()["occasions"] == [made.json()]
        assert (await service.ask("DELETE", f"api/occasions/{made.json()['id']}", "root")).status_code == 204
        assert (await service.ask("POST", "api/builds", json={"spec": "org/other"})).status_code == 201


async def test_a_start_over_the_limit_is_refused_to_the_hub_with_the_reason(tmp_path: Path) -> None:
    """The hub is told what to say; the same start asked for under several names is one."""
    async with in_memory(tmp_path) as service:
        build = (await service.ask("POST", "api/builds", json=ORDER)).json()
        await service.ask("GET", f"api/builds/{build['id']}/events")
        await service.ask("POST", "api/occasions", "root", json=LESS | ENDS)
        asked = f"api/images?ref={BUILT.image}&user=ada&starting=1&group=students"
        for start, started in (("a", True), ("a", True), ("b", False)):
            found = (await service.ask("GET", f"{asked}&start={start}", "hub")).json()
            assert found["visible"] is started and (found["refused"] is None) is started
        assert found["refused"]["code"] == "limit_reached" and "Exam week" in found["refused"]["message"]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("DELETE", "/x")])
async def test_occasions_are_for_admins(tmp_path: Path, method: str, path: str) -> None:
    """Others may neither see nor change them."""
    async with in_memory(tmp_path) as service:
        body = {"json": LESS | ENDS} if method == "POST" else {}
        assert (await service.ask(method, f"api/occasions{path}", **body)).status_code == 403


async def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    """By a sentence that names the limit."""
    async with in_memory(tmp_path) as service:
        wrong = LESS | ENDS | {"limits": {"user_build_time_daily": "soon"}}
        answer = await service.ask("POST", "api/occasions", "root", json=wrong)
        assert answer.status_code == 400 and "user_build_time_daily" in answer.text
