"""What a launch link asks of the spawn page."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from hubkiln.errors import BadSpec
from hubkiln.hub.apply import show
from hubkiln.hub.launch_links import folder_of, shown, within
from hubkiln.hub.links import Link, query_of, read_link, sources_of_links
from hubkiln.hub.profiles import Profile, normalise
from hubkiln.repositories import RepositorySettings, parse_spec

IMAGE = {"dynamic_image_building": {"enabled": True}, "unlisted_choice": {"enabled": True}}
PROFILES = normalise(
    [
        {"slug": "plain", "display_name": "Plain", "default": True},
        {"slug": "staff", "display_name": "Staff", "allowed_groups": ["staff"], "profile_options": {"image": IMAGE}},
        {"slug": "small", "display_name": "Small", "profile_options": {"image": IMAGE}},
        {"slug": "large", "display_name": "Large", "profile_options": {"image": IMAGE}},
    ]
)


def followed(query: str, profiles: list[Profile] = PROFILES, groups: tuple[str, ...] = ()) -> Link:
    """What the spawn page's address with `query` asks for."""
    given: dict[str, list[bytes]] = {}
    for name, value in parse_qsl(query):
        given.setdefault(name, []).append(value.encode())
    link = read_link(query_of(SimpleNamespace(query=query, query_arguments=given)), profiles, groups)
    assert link is not None
    return link


def test_a_repository_is_for_the_first_profile_that_builds() -> None:
    """It fills the form in, letter by letter, and never starts from here."""
    link = followed("repository=gh/lab/waves/feature%252Fx&labpath=a%20b.ipynb&subdir=docs")
    assert link.options == {
        "profile": "small",
        "image": "--extra-selectable-item",
        "image--unlisted-choice--repo": "gh/lab/waves/feature%2Fx",
        "image--unlisted-choice--subdir": "docs",
    }
    assert (link.opens, link.starts, link.problem) == ("doc/tree/a%20b.ipynb", False, "")


def test_a_link_may_add_packages() -> None:
    """They stand behind the repository, as people type them."""
    link = followed("repository=/v2/gh/lab/waves/HEAD&packages=dask%5Barray%5D%3C2,%3E%3D1,%20pandas")
    asked = link.options["image--unlisted-choice--repo"]
    assert asked == "/v2/gh/lab/waves/HEAD + dask[array]<2,>=1, pandas" and not link.starts
    spec = parse_spec(asked, settings=RepositorySettings())
    assert (spec.repository, spec.packages.splitlines()) == ("lab/waves", ["dask[array]<2,>=1", "pandas"])


def test_what_was_written_on_by_hand_is_read_as_it_was_meant() -> None:
    """In the spawn page's own address, too; of two parameters of a name the first counts, as everywhere."""
    link = followed("repository=gh/a/b/HEAD&packages=numpy?labpath=a.ipynb&labpath=b.ipynb")
    assert link.options["image--unlisted-choice--repo"] == "gh/a/b/HEAD + numpy"
    assert link.opens == "doc/tree/a.ipynb"


def test_a_long_list_fills_the_form_in_or_is_said_to_be_too_long() -> None:
    """Never a form that is empty without a word."""
    for query, fits in (
        (f"repository=/v2/inline/{'p' * 10_000}/HEAD", True),
        (f"repository=gh/a/b/HEAD&packages={'p' * 10_000}", True),
        (f"repository=/v2/gh/lab/{'w' * 8000}/HEAD", False),
        (f"repository=/v2/inline/{'p' * 20_000}/HEAD", False),
        (f"repository=gh/a/b/HEAD&packages={'p' * 20_000}", False),
    ):
        link = followed(query)
        assert ("image--unlisted-choice--repo" in link.options) == fits
        assert ("too long" in link.problem) != fits


@pytest.mark.parametrize(
    ("asked", "groups", "got"),
    [("large", (), "large"), ("staff", (), "small"), ("staff", ("staff",), "staff"), ("plain", (), "small")],
)
def test_a_link_may_name_the_profile(asked: str, groups: tuple[str, ...], got: str) -> None:
    """If it is for whoever follows it, and offers repositories."""
    assert followed(f"repository=gh/a/b/HEAD&profile={asked}", groups=groups).options["profile"] == got


def test_a_hub_that_builds_nothing_says_so() -> None:
    """Nothing else is started instead."""
    link = followed("repository=gh/a/b/HEAD", PROFILES[:1])
    assert "builds none for you" in link.problem and not link.starts


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "../../hub/admin", "%2e%2e/x", "a\\b"])
def test_what_is_opened_stays_on_the_server(path: str) -> None:
    """The reason is said, and the repository still fills the form in."""
    link = followed(f"repository=gh/a/b/HEAD&urlpath={path.replace('%', '%25')}")
    assert link.opens == "" and "outside" in link.problem and link.options["image--unlisted-choice--repo"]


def test_an_address_of_nbgitpuller_goes_on_whole() -> None:
    """With its own query."""
    pulled = (
        "git-pull%3Frepo%3Dhttps%253A%252F%252Fe.org%252Fr%26branch%3Dmain%26urlpath%3Dlab%252Ftree%252Fr%252Fa.ipynb"
    )
    opens = followed(f"repository=gh/a/b/HEAD&urlpath={pulled}").opens
    assert opens == "git-pull?repo=https%3A%2F%2Fe.org%2Fr&branch=main&urlpath=lab%2Ftree%2Fr%2Fa.ipynb"


def test_sources_are_written_with_their_provider() -> None:
    """A list that would mean something else than the admin thinks is refused at the hub's start."""
    assert sources_of_links(["gh/org/", "git/https://git.example.org"]) == ("gh/org", "git/https://git.example.org")
    assert sources_of_links(["gist/ada/0123abcd"]) == ("gist/ada/0123abcd",)
    for wrong in ("org", "https://github.com/org", "gh/", "gist/ada", "gist/ada/"):
        with pytest.raises(BadSpec):
            sources_of_links([wrong])


def spawner(**more: Any) -> Any:
    """A spawner that has no path to open."""
    return SimpleNamespace(has_trait=lambda _: False, environment={"KEEP": "1"}, default_url="/lab", **more)


def test_any_spawner_shows_the_file() -> None:
    """By variables that our images read, and by the address that a server shows first."""
    one = spawner()
    show(one, "docs/a b.ipynb")
    assert one.environment == {"KEEP": "1", "HUBKILN_OPEN": "docs/a b.ipynb", "HUBKILN_URL": "/lab/tree"}
    assert one.default_url == "/lab/tree/docs/a%20b.ipynb"


def test_the_next_start_without_a_path_is_the_usual_one() -> None:
    """Spawners live longer than servers."""
    one = spawner()
    show(one, "a.ipynb")
    show(one, "")
    assert one.environment == {"KEEP": "1"} and one.default_url == "/lab"


@pytest.mark.parametrize(
    ("address", "link", "running", "opened", "read"),
    [
        ("doc/tree/a%20b.ipynb", "gh/lab/Waves/main", "lab/waves", "doc/tree/waves/a%20b.ipynb", "waves/a b.ipynb"),
        ("tree/x", "git/https%3A%2F%2Fh.org%2Fw.git/HEAD", "https://h.org/w.git", "tree/w/x", "w/x"),
        ("lab/tree/x", "gl/a%2Fb%2Fwaves/HEAD", "gl/a%2Fb%2Fwaves", "lab/tree/waves/x", "waves/x"),
        ("lab/tree/x", "gh/lab/waves/HEAD", "lab/tides", "", ""),
        ("lab/tree/x", "gh/lab/waves/HEAD", "", "", ""),
        ("git-pull?repo=r", "gh/lab/waves/HEAD", "lab/tides", "git-pull?repo=r", "git-pull?repo=r"),
        ("lab/tree/x", "gh/lab/waves/HEAD", "lab/waves + numpy, pandas", "lab/tree/waves/x", "waves/x"),
        ("rstudio", "gh/lab/waves/HEAD", "", "rstudio", "rstudio"),
    ],
)
def test_a_file_is_opened_in_a_server_of_the_same_repository_alone(
    address: str, link: str, running: str, opened: str, read: str
) -> None:
    """In the folder that it has there; in others it would not be found. Addresses of the server are there anyway."""
    found = within(address, folder_of(link), folder_of(running), below=True)
    assert (found, shown(found)) == (opened, read)


def test_where_the_repository_is_the_servers_own_folder_a_path_stays() -> None:
    """As with images whose home is no volume."""
    assert within("tree/x", "waves", "waves", below=False) == "tree/x"
