"""Users with every kind of name that JupyterHub allows choose and start like everybody."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from any_hub import any_hub

from hub_browser import logged_in

pytestmark = pytest.mark.hub

NAMES = [
    "a b", "ada@lab.example", "o'brien", '"><b>x&y', "-dash", "a+b=c;d,e:f", "50%", "x%2fy", "$home`id`", "back\\slash",
    "{x}", "ünïcödé 名前", "e\u0301", "\u202eada😀", ".hidden", "service", "x" * 200,
]  # fmt: skip


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Any hub."""
    with any_hub(tmp_path_factory.mktemp("hub")) as base:
        yield base


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_only_a_name(hub: str, name: str) -> None:
    """The page knows it letter by letter, its link waits, a token for the service is its own, and its choice starts."""
    async with logged_in(hub, name) as browser:
        page = await browser.page()
        assert page["user"] == name
        browser.name = quote(name, safe="")
        browser.xsrf = page["xsrf"]
        shown = await browser.spawn_page(f"/{browser.name}?opt-profile=cpu&opt-image--unlisted-choice=typed/x:1")
        assert 'id="hubkiln-page"' in shown.text
        made = await browser.api(
            "POST", f"users/{browser.name}/tokens", json={"scopes": ["access:services!service=binder"]}
        )
        assert made.status_code == 201 and made.json()["user"] == name
        await browser.start(**{"profile": "cpu", "profile-option-cpu--image--unlisted-choice": "typed/x:1"})
        assert (await browser.running())["image"] == "typed/x:1"
