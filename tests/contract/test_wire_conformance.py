"""The checklist of BinderHub's wire formats, row by row: the number in a test's name is the row's.

Rows that need a program of somebody else are among the integration tests: 1 and 2 (BinderHub's own client) in
``test_web_binderhub_client.py``; 3 (silence behind nginx) in ``test_web_process.py``; 6 with cookies, 12 (links of
nbgitpuller's link generator), 15 and 18 (launches) in ``test_hub_launch.py``; the refusal of 10 in ``test_hub_any.py``;
8 (jupyterhub-fancy-profiles in Chromium), 14 (tljh-repo2docker in BinderHub mode) and 15 by BinderHub's own tests and
example in ``test_others_programs.py``, which run where somebody asks for them.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.requests import Request

from hubkiln.builds import BuildRequest, Record, RuleKind
from hubkiln.errors import BadSpec, Unreachable
from hubkiln.hub.choices import BadChoice, choose, parse_form
from hubkiln.hub.profiles import normalise
from hubkiln.launches import opening
from hubkiln.repositories import (
    RepositorySettings,
    check_sources,
    described,
    parse_provider_path,
    parse_spec,
    recognise,
)
from hubkiln.signing import Signer
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.testing.service import PREFIX, Service
from hubkiln.testing.sse import read
from hubkiln.values import Spec, utc_now
from hubkiln.web.arrivals import build_token
from hubkiln.web.kinds import written
from hubkiln.web.launching import facts_of
from hubkiln.web.login import HubLogin
from hubkiln.web.parties import Party
from hubkiln.web.settings import WebSettings
from hubkiln.web.spelled import split_path
from serving import Serve, joined

ONLY = "?build_only=true"
STREAM = {"Accept": "text/event-stream"}
COMMIT = "596b52f10efb0c9befc0c4ae850cc5175297d71c"
OPEN = WebSettings(hold_seconds=0, launch="everybody", anonymous_limit=3)


async def streamed(service: Service, path: str = f"gh/org/repo/HEAD{ONLY}", **more: Any) -> list[dict[str, Any]]:
    """The events of one build request."""
    answer = await service.ask("GET", f"build/{path}", **more)
    assert answer.status_code == 200
    return read(answer.text).events


def linked(provider: str, rest: str) -> Spec:
    """What the real parser makes of a link."""
    return parse_provider_path(provider, rest, settings=RepositorySettings())


def spec_of(path: str) -> Spec:
    """What it makes of a path as it was sent."""
    return linked(*split_path(f"{PREFIX}build/{path}".encode(), PREFIX))


@pytest.mark.parametrize(
    ("path", "provider", "repository", "ref"),
    [
        ("gh/o/r/feature/x", "gh", "o/r", "feature/x"),
        ("gh/o/r.git/HEAD", "gh", "o/r", "HEAD"),
        ("gh/o%2Fr/HEAD", "gh", "o/r", "HEAD"),
        ("gh/o%2Fr%2Ffeature%2Fx", "gh", "o/r", "feature/x"),
        ("gh%2Fo%2Fr%2FHEAD", "gh", "o/r", "HEAD"),
        ("gh/o%252Fr/HEAD", "gh", "o/r", "HEAD"),
        ("gist/ada%2F0123456789abcdef/master", "gist", "ada/0123456789abcdef", "master"),
        ("gl/ns%2Fsub%2Fproj/main", "gl", "ns/sub/proj", "main"),
        ("gl/ns%252Fsub%252Fproj/main", "gl", "ns/sub/proj", "main"),
        ("git/https%3A%2F%2Fhost%2Fr.git/abc", "git", "https://host/r.git", "abc"),
        ("git/https%253A%252F%252Fhost%252Fr.git/abc", "git", "https://host/r.git", "abc"),
        ("git/https%3A%2F%2Fhost%2Fa%252Fb.git/abc", "git", "https://host/a%2Fb.git", "abc"),
    ],
)
def test_4_every_spelling_of_a_spec_reaches_its_provider(path: str, provider: str, repository: str, ref: str) -> None:
    """Slashes in refs, ``.git``, one segment for two, encoded once or twice; what was encoded inside stays."""
    found = spec_of(path)
    assert (found.provider, found.repository, found.ref) == (provider, repository, ref)


@pytest.mark.parametrize(
    ("path", "provider", "repository"),
    [
        ("GH/org/repo/HEAD", "gh", "org/repo"),
        ("Gh/org%2Frepo/HEAD", "gh", "org/repo"),
        ("SWHID/swh:1:rev:0123456789abcdef0123456789abcdef01234567", "swh",
         "swh:1:rev:0123456789abcdef0123456789abcdef01234567"),
    ],
)  # fmt: skip
def test_4_a_provider_in_capitals_is_that_provider(path: str, provider: str, repository: str) -> None:
    """People type links, too."""
    assert (spec_of(path).provider, spec_of(path).repository) == (provider, repository)


@pytest.mark.parametrize(
    "accept", [None, "*/*", "text/event-stream", "text/event-stream, */*", "text/event-stream;q=1"]
)
async def test_5_authenticated_callers_are_served_whatever_they_accept(service: Service, accept: str | None) -> None:
    """Some clients send no such header at all."""
    service.client.headers.pop("accept")
    assert (await streamed(service, headers={"Accept": accept} if accept else {}))[-1]["phase"] == "ready"


@pytest.mark.parametrize("accept", ["*/*", "text/html", ""])
async def test_5_a_stranger_without_the_header_starts_nothing(serve: Serve, accept: str) -> None:
    """Where everybody may build, robots and previews of links get BinderHub's own refusal."""
    builder = FakeBuilder()
    service = await serve(builder, web=OPEN)
    (event,) = await streamed(service, token=None, headers={"Accept": accept})
    assert event["status_code"] == 400 and event["message"].startswith("Missing Accept header")
    assert builder.requests == []


@pytest.mark.parametrize("word", ["Bearer", "token"])
async def test_6_both_words_for_a_token_are_known(service: Service, word: str) -> None:
    """``token`` is JupyterHub's, ``Bearer`` everybody's."""
    events = await streamed(service, token=None, headers={"Authorization": f"{word} ada"})
    assert events[-1]["phase"] == "ready"


async def test_6_who_is_not_logged_in_is_refused_by_an_event(service: Service) -> None:
    """HTTP 200 and ``failed`` with 403."""
    (event,) = await streamed(service, token=None)
    assert (event["phase"], event["status_code"]) == ("failed", 403)


@pytest.mark.parametrize(
    ("path", "token"),
    [("nope/a/b", "ada"), ("gh/org/repo/HEAD", "narrow"), ("gh/only", "ada")],
)
async def test_6_one_refusal_has_one_status(serve: Serve, path: str, token: str) -> None:
    """The stream's ``status_code`` is the status that the API answers the same with."""
    service = await serve(parse_provider=linked)
    (event,) = await streamed(service, f"{path}{ONLY}", token=token)
    page = await service.ask("POST", "api/builds", token, json={"spec": "nothing"})
    assert event["status_code"] == page.status_code


@pytest.mark.parametrize("origin", ["https://docs.example", "https://other.example"])
async def test_7_a_preflight_lets_authorization_through_for_named_origins(serve: Serve, origin: str) -> None:
    """A page of a named site may send a token and read the stream and what is left; nobody's cookie goes with it."""
    service = await serve(web=WebSettings(hold_seconds=0, allow_origins=("https://docs.example", "https://x.example")))
    ask = {"Origin": origin, "Access-Control-Request-Headers": "authorization"}
    before = await service.client.options(f"{PREFIX}build/gh/o/r/HEAD", headers=ask)
    answer = await service.ask("GET", f"build/gh/o/r/HEAD{ONLY}", headers={"Origin": origin})
    allowed = origin if origin == "https://docs.example" else None
    for found in (before, answer):
        assert found.headers.get("access-control-allow-origin") == allowed
        assert "access-control-allow-credentials" not in found.headers
    assert "authorization" in before.headers["access-control-allow-headers"]
    assert ("x-ratelimit-remaining" in answer.headers.get("access-control-expose-headers", "").lower()) == bool(allowed)


FANCY = [
    {
        "slug": "cpu",
        "display_name": "CPU",
        "profile_options": {
            "image": {
                "display_name": "Image",
                "choices": {"small": {"display_name": "Small"}},
                "unlisted_choice": {"enabled": True, "kubespawner_override": {"image": "{value}"}},
                "dynamic_image_building": {"enabled": True},
            },
            "resources": {"display_name": "Resources", "choices": {"small": {"display_name": "Small"}}},
        },
    },
    {"slug": "gpu", "display_name": "GPU", "profile_options": {"image": {"choices": {"big": {}}}}},
]
"""A profile list of jupyterhub-fancy-profiles."""


@pytest.mark.parametrize("origin", [{}, {"--unlisted-choice--repo": "org/repo", "--unlisted-choice--ref": "main"}])
@pytest.mark.parametrize("sentinel", ["--extra-selectable-item", "unlisted_choice", "unlisted-choice"])
def test_9_forms_of_older_and_newer_fancy_profiles_mean_the_same(origin: dict[str, str], sentinel: str) -> None:
    """With the repository's fields of 0.5 or without; fields of other profiles and unknown ones are passed over."""
    form = {
        "profile": "cpu",
        "select-profile": "gpu",
        "next": "/hub/spawn",
        "profile-option-gpu--image": "big",
        "profile-option-cpu--image": sentinel,
        "profile-option-cpu--image--unlisted-choice": "reg/x:1",
        "profile-option-cpu--resources": "small",
        "profile-option-cpu--of-a-later-version": "x",
    } | {f"profile-option-cpu--image{name}": value for name, value in origin.items()}
    profiles = normalise(FANCY)
    options = parse_form({name: [value] for name, value in form.items()}, profiles)
    stored = {f"image{name}": value for name, value in origin.items()}
    said = {"profile": "cpu", "image": sentinel, "image--unlisted-choice": "reg/x:1", "resources": "small"}
    assert options == said | stored
    image = next(picked for picked in choose(options, profiles).picked if picked.option == "image")
    assert (image.unlisted, image.override, image.may_be_built) == ("reg/x:1", {"image": "reg/x:1"}, True)


@pytest.mark.parametrize("sentinel", ["--extra-selectable-item", "unlisted_choice", "unlisted-choice"])
def test_9_a_sentinel_without_its_value_is_an_error_of_the_form(sentinel: str) -> None:
    """It is no choice's name, and nothing starts by guess."""
    form = {"profile": ["cpu"], "profile-option-cpu--image": [sentinel]}
    with pytest.raises(BadChoice, match="nothing was typed or built"):
        parse_form(form, normalise(FANCY))


@pytest.mark.parametrize(
    ("query", "path", "rest"),
    [
        ({}, "", ""),
        ({"urlpath": "/rstudio"}, "rstudio", ""),
        ({"urlpath": "lab?x=1"}, "lab", "x=1"),
        ({"urlpath": "lab#frag"}, "lab", "#frag"),
        ({"labpath": "a b.ipynb"}, "doc/tree/a%20b.ipynb", ""),
        ({"filepath": "x.ipynb"}, "tree/x.ipynb", ""),
        ({"labpath": "dir/", "filepath": "z", "urlpath": "y"}, "doc/tree/dir", ""),
        ({"filepath": "/x/y.ipynb"}, "tree/x/y.ipynb", ""),
        ({"labpath": "a#b?c.ipynb"}, "doc/tree/a%23b%3Fc.ipynb", ""),
        (
            {"urlpath": "git-pull?repo=https%3A%2F%2Fh%2Fr&urlpath=lab%2Ftree%2Fr&branch=main"},
            "git-pull",
            "repo=https%3A%2F%2Fh%2Fr&urlpath=lab%2Ftree%2Fr&branch=main",
        ),
    ],
)
def test_11_launch_parameters_open_what_they_name(query: dict[str, str], path: str, rest: str) -> None:
    """In BinderHub's order; a query of its own and what is encoded in it stay."""
    found = opening(query)
    assert (found.path, found.query + (f"#{found.fragment}" if found.fragment else "")) == (path, rest)
    assert not found.problem


@pytest.mark.parametrize(
    "query",
    [
        {"urlpath": text}
        for text in (
            "../../hub/admin", "lab/%2e%2e/%2e%2e/hub", "lab/%252e%252e/x", "https://x/", "//x/", "/\\x/", "\\\\x/",
            "\t//x/", " //x/", "http:x/", "javascript:alert(1)", "data:text/html,x", "/javascript:alert(1)", "/A:",
            "..\\..\\hub", "lab\nx",
        )
    ]
    + [{"labpath": "../../hub/admin"}, {"filepath": "a/../../b"}],
)  # fmt: skip
def test_11_what_leaves_the_server_is_refused(query: dict[str, str]) -> None:
    """The server's start page is opened, and the reason is said."""
    found = opening(query)
    assert (found.path, found.query, found.fragment) == ("", "", "") and found.problem


async def test_11_of_several_parameters_the_first_counts(serve: Serve) -> None:
    """As in BinderHub's page."""
    service = await serve(web=OPEN)
    answer = await service.client.get(f"{PREFIX}v2/gh/o/r/HEAD?urlpath=first&urlpath=second")
    assert "<code>first</code>" in answer.text and "second" not in answer.text


@pytest.mark.parametrize(
    ("path", "to"),
    [("repo/u/r", "v2/gh/u/r/HEAD"), ("repo/u/r/a/b c.ipynb", "v2/gh/u/r/HEAD?urlpath=/a/b%20c.ipynb")],
)
async def test_13_the_oldest_links_lead_to_todays(service: Service, path: str, to: str) -> None:
    """A link of the first Binder, with its path."""
    answer = await service.client.get(PREFIX + path)
    assert (answer.status_code, answer.headers["location"]) == (302, PREFIX + to)


@pytest.mark.parametrize(
    ("path", "lasting"),
    [
        ("gh/org/repo/feature%2Fx", f"v2/gh/org/repo/{COMMIT}"),
        ("gh/org/HEAD/HEAD", f"v2/gh/org/HEAD/{COMMIT}"),
        ("gl/group%2Fproject/caf%C3%A9/", f"v2/gl/group%2Fproject/{COMMIT}"),
        ("zenodo/10.5281/zenodo.3242074/", "v2/zenodo/10.5281/zenodo.3242074"),
    ],
)
async def test_15_a_lasting_link_leads_to_the_same_commit(serve: Serve, path: str, lasting: str) -> None:
    """``binder_persistent_request`` is a link that works, however the ref was spelled, or without refs."""
    service = await serve(kinds=written(described(RepositorySettings())))
    spec = spec_of(path)
    record = Record(id="x", request=BuildRequest(spec=spec), owner="", state="ready", created=utc_now(), commit=COMMIT)
    scope = {"type": "http", "raw_path": f"{PREFIX}build/{path}".encode(), "headers": [(b"host", b"hub")],
             "scheme": "http", "path": "/", "query_string": b"", "server": ("hub", 80)}  # fmt: skip
    facts = facts_of(Request(scope), service.app.state.parts, "", record)
    assert (facts["binder_request"], facts["binder_persistent_request"]) == (f"v2/{path.rstrip('/')}", lasting)
    where = {"gh": "https://github.com/", "gl": "https://gitlab.com/", "zenodo": "https://doi.org/"}[spec.provider]
    assert facts["repo_url"] == where + spec.repository and facts["binder_ref_url"].startswith(facts["repo_url"])
    again = parse_provider_path(*lasting.removeprefix("v2/").split("/", 1), settings=RepositorySettings())
    assert (again.repository, again.ref) == (spec.repository, "HEAD" if "zenodo" in path else COMMIT)


PAGES = {
    "kinds": written(described(RepositorySettings())),
    "parse": lambda text, ref, subdir: parse_spec(text, ref, subdir=subdir, settings=RepositorySettings()),
    "recognise": lambda text, ref, subdir: recognise(text, ref, subdir=subdir, settings=RepositorySettings()),
    "parse_provider": partial(parse_provider_path, settings=RepositorySettings()),
}
"""The real readers of links."""


async def test_links_can_add_packages(serve: Serve) -> None:
    """``packages=`` of a page goes into what its button asks for, and that builds them; it is no other's build."""
    builder = FakeBuilder()
    service = await serve(builder, **PAGES)
    typed = await service.client.get(f"{PREFIX}?repository=org/repo+%2B+numpy,scipy%3D%3D1.2")
    link = typed.headers["location"]
    assert link == f"{PREFIX}v2/gh/org/repo/HEAD?packages=numpy%2C%20scipy%3D%3D1.2"
    page = (await service.client.get(link)).text
    assert 'og:title" content="GitHub: org/repo/HEAD + numpy, scipy==1.2"' in page
    told = json.loads(html.unescape(re.search(r'data-launch="([^"]+)"', page)[1]))  # type: ignore[index]
    await streamed(service, told["build"].removeprefix(f"{PREFIX}build/"))
    await streamed(service)
    assert [one.spec.packages for one in builder.requests] == ["numpy\nscipy==1.2", ""]


@pytest.mark.parametrize("more", ["https%3A%2F%2Fx%2Fy.whl", "python%3D3.11", "--index-url%20http%3A%2F%2Fx"])
async def test_what_a_link_adds_is_packages_of_an_index(serve: Serve, more: str) -> None:
    """Anything else is refused where it is met: on the page, and by an event."""
    builder = FakeBuilder()
    service = await serve(builder, **PAGES)
    assert (await service.client.get(f"{PREFIX}v2/gh/org/repo/HEAD?packages={more}")).status_code == 400
    (event,) = await streamed(service, f"gh/org/repo/HEAD{ONLY}&packages={more}")
    assert (event["phase"], event["status_code"]) == ("failed", 400) and builder.requests == []


@pytest.mark.parametrize(
    "written",
    [
        "?packages=numpy,scipy?urlpath=lab/tree/a.ipynb",
        "?packages=numpy,scipy&amp;urlpath=lab/tree/a.ipynb",
        "?urlpath=lab/tree/a.ipynb?packages=numpy,scipy",
        "&packages=numpy,scipy&urlpath=lab/tree/a.ipynb",
        "%3Fpackages%3Dnumpy%2Cscipy%26urlpath%3Dlab%2Ftree%2Fa.ipynb",
        "/?packages=numpy,scipy?urlpath=lab/tree/a.ipynb",
    ],
)
async def test_a_link_that_was_written_on_by_hand_is_read_as_it_was_meant(serve: Serve, written: str) -> None:
    """On its page, in what its button asks for, by whoever asks without the page, and where somebody pastes it."""
    builder = FakeBuilder()
    service = await serve(builder, web=OPEN, **PAGES)
    page = (await service.client.get(f"{PREFIX}v2/gh/org/repo/HEAD{written}")).text
    assert 'og:title" content="GitHub: org/repo/HEAD + numpy, scipy"' in page and "<code>a.ipynb</code>" in page
    told = json.loads(html.unescape(re.search(r'data-launch="([^"]+)"', page)[1]))  # type: ignore[index]
    await streamed(service, told["build"].removeprefix(f"{PREFIX}build/"), headers=STREAM)
    await streamed(service, f"gh/org/repo/HEAD{written}&build_only=true")
    asked = {(one.spec.repository, one.spec.ref, one.spec.packages) for one in builder.requests}
    assert asked == {("org/repo", "HEAD", "numpy\nscipy")}
    pasted = recognise(f"https://hub.example.org/hub/v2/gh/org/repo/HEAD{written}", settings=RepositorySettings())
    assert (pasted.spec, pasted.opens) == (builder.requests[0].spec, "lab/tree/a.ipynb")


@pytest.mark.parametrize("link", ["/v2/gh/org/repo/HEAD", "v2/gh/org/repo/HEAD%0A", "//v2/gh/org/repo/HEAD%20%0d%0a"])
async def test_what_was_copied_along_is_no_part_of_a_link(serve: Serve, link: str) -> None:
    """A slash too many before it, the end of a line behind it; a line's end within it is refused on a page."""
    builder = FakeBuilder()
    service = await serve(builder, web=OPEN, **PAGES)
    page = await service.client.get(PREFIX + link)
    assert page.status_code == 200 and "GitHub: org/repo/HEAD<" in page.text
    head = await service.ask("HEAD", f"{link.replace('v2', 'build')}{ONLY}", headers=STREAM)
    assert head.status_code == 405 and not builder.requests
    assert (await streamed(service, f"{link.partition('gh/')[2].join(['gh/', ''])}{ONLY}"))[-1]["phase"] == "ready"
    assert {(one.spec.repository, one.spec.ref) for one in builder.requests} == {("org/repo", "HEAD")}
    broken = await service.client.get(f"{PREFIX}v2/gh/org%0A/repo/HEAD")
    assert broken.status_code == 400 and "leads nowhere" in broken.text
    assert (await streamed(service, f"gh/org%0A/repo/HEAD{ONLY}"))[-1]["status_code"] == 400


async def test_the_front_page_needs_no_last_slash(serve: Serve) -> None:
    """As people type it."""
    service = await serve(**PAGES)
    assert (await service.client.get(PREFIX.rstrip("/"))).text == (await service.client.get(PREFIX)).text


@pytest.mark.parametrize("path", ["versions", "health", "api/repoproviders"])
async def test_13_what_everybody_may_read_can_be_asked_with_headers(serve: Serve, path: str) -> None:
    """The preflight of a page of another site is answered, as BinderHub answers it."""
    answer = await (await serve()).ask("OPTIONS", path, None, headers={"Origin": "https://other.example"})
    assert answer.status_code == 204 and answer.headers["access-control-allow-origin"] == "*"
    assert "cache-control" in answer.headers["access-control-allow-headers"]


async def test_11_what_an_address_asks_for_itself_is_left_to_it(serve: Serve) -> None:
    """nbgitpuller's `urlpath`, or an application's `profile`, is none of the link's."""
    service = await serve(web=OPEN)
    for query in ("git-pull?urlpath=lab", "app?profile=x"):
        page = (await service.client.get(f"{PREFIX}v2/gh/o/r/HEAD?urlpath={query}")).text
        told = json.loads(html.unescape(re.search(r'data-launch="([^"]+)"', page)[1]))  # type: ignore[index]
        assert f"{told['path']}?{told['query']}" == query


async def test_what_is_typed_keeps_what_it_opens(serve: Serve) -> None:
    """A link of another Binder, pasted on the front page, still leads to its file."""
    service = await serve(web=OPEN, **PAGES)
    pasted = quote("https://mybinder.org/v2/gh/org/repo/main?labpath=a b.ipynb", safe="")
    typed = await service.client.get(f"{PREFIX}?repository={pasted}")
    assert typed.headers["location"] == f"{PREFIX}v2/gh/org/repo/main?urlpath=doc%2Ftree%2Fa%2520b.ipynb"
    page = await service.client.get(typed.headers["location"])
    assert "<code>a b.ipynb</code>" in page.text


async def test_a_long_link_grows_little(serve: Serve) -> None:
    """What the button asks for is hardly longer than the link: what let that through lets this through."""
    service = await serve(web=OPEN)
    link = "v2/gh/o/r/" + "x" * 8000
    page = (await service.client.get(PREFIX + link)).text
    told = json.loads(html.unescape(re.search(r'data-launch="([^"]+)"', page)[1]))  # type: ignore[index]
    assert len(told["build"]) < len(PREFIX + link) + 300


@pytest.mark.parametrize(
    ("pattern", "link", "allowed", "says"),
    [
        ("github.com", "gh/org/repo/HEAD", False, "Nothing may be built from this host here"),
        ("github.com", "gl/group%2Fproject/HEAD", True, "only what the admin has listed is allowed"),
        ("zenodo.org", "zenodo/10.5281/zenodo.3242074", False, "Nothing may be built from this host here"),
        ("git.example.org", "git/https%3A%2F%2Fgit.example.org%2Fr.git/HEAD", False, "Nothing may be built"),
    ],
)
async def test_a_forbidden_host_is_met_on_the_page(
    serve: Serve, pattern: str, link: str, allowed: bool, says: str
) -> None:
    """Before the press, though the link does not name the host; nothing is asked of the host for its branches."""
    service = await serve(**PAGES)
    rule = {"kind": "host", "pattern": pattern, "allowed": allowed}
    before = await service.client.get(f"{PREFIX}v2/{link}")
    assert (await service.ask("POST", "api/rules", "root", json=rule)).status_code == 201
    page = await service.client.get(f"{PREFIX}v2/{link}")
    assert (before.status_code, page.status_code) == (200, 403) and says in page.text and "<button" not in page.text
    refs = await service.ask("GET", "api/refs", params={"spec": link})
    assert refs.status_code == (200 if "zenodo" in link else 403)


async def test_a_banned_network_meets_it_on_the_page(serve: Serve) -> None:
    """And not only when the button is pressed."""
    service = await serve(web=OPEN)
    rule = {"kind": "network", "pattern": "203.0.113.0/24", "reason": "crawlers"}
    assert (await service.ask("POST", "api/rules", "root", json=rule)).status_code == 201
    for address, status in (("203.0.113.7", 403), ("198.51.100.7", 200)):
        page = await service.client.get(f"{PREFIX}v2/gh/org/repo/HEAD", headers={"X-Forwarded-For": address})
        assert page.status_code == status and ("crawlers" in page.text) == (status == 403)


async def test_15_a_lasting_link_keeps_what_was_added(serve: Serve) -> None:
    """Whoever follows it gets the same environment."""
    service = await serve(**PAGES)
    spec = replace(spec_of("gh/org/repo/HEAD"), packages="numpy\nscipy")
    record = Record(id="x", request=BuildRequest(spec=spec), owner="", state="ready", created=utc_now(), commit=COMMIT)
    scope = {"type": "http", "raw_path": f"{PREFIX}build/gh/org/repo/HEAD".encode(), "headers": [(b"host", b"hub")],
             "scheme": "http", "path": "/", "query_string": b"packages=numpy,scipy", "server": ("hub", 80)}  # fmt: skip
    facts = facts_of(Request(scope), service.app.state.parts, "", record)
    assert facts["binder_request"] == "v2/gh/org/repo/HEAD?packages=numpy%2Cscipy"
    assert facts["binder_persistent_request"] == f"v2/gh/org/repo/{COMMIT}?packages=numpy%2C%20scipy"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Dest": "document"}, 302),
        ({"Upgrade-Insecure-Requests": "1"}, 302),
        ({"Upgrade-Insecure-Requests": "1", "Sec-Fetch-Dest": "iframe"}, 200),
        ({}, 200),
    ],
)
async def test_a_person_is_led_to_the_login_over_plain_http_too(
    serve: Serve, headers: dict[str, str], status: int
) -> None:
    """There browsers do not say that a person opens the page; previews of links get the page."""
    service = await serve()
    login = HubLogin(api_url="", client="service-binder", secret="s", prefix=PREFIX, signer=Signer("s"))
    parts = service.app.state.parts
    service.app.state.parts = replace(parts, login=login)
    answer = await service.client.get(f"{PREFIX}v2/gh/org/repo/HEAD", headers=headers)
    assert answer.status_code == status and ("oauth2/authorize" in answer.headers.get("location", "")) == (
        status == 302
    )


async def test_looking_at_a_launch_page_starts_nothing(serve: Serve) -> None:
    """It says what will happen, has a title for previews and one button, and no word of the link is markup."""
    builder = FakeBuilder()
    service = await serve(builder, web=OPEN)
    answer = await service.client.get(f"{PREFIX}v2/gh/org/re<b>po/HEAD?labpath=x.ipynb")
    text = answer.text
    assert answer.status_code == 200 and '<meta property="og:title" content="GitHub: org/re&lt;b&gt;po/HEAD">' in text
    assert text.count("<button") == 1 and "removed" in text and "doc/tree/x.ipynb" in text and "<b>" not in text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert builder.requests == []
    for name in ("launch.js", "launch.css"):
        assert (await service.client.get(f"{PREFIX}assets/{name}")).status_code == 200
    for page in ("", "about"):
        assert (await service.client.get(PREFIX + page)).status_code == 200


async def test_a_launch_page_is_in_its_readers_language(serve: Serve) -> None:
    """Its button, what its script will say, and why a link is refused; caches are told that it varies."""
    service = await serve(web=OPEN)
    french = {"Accept-Language": "fr-CH, en;q=0.5"}
    answer = await service.client.get(f"{PREFIX}v2/gh/org/repo/HEAD?labpath=a%20b.ipynb", headers=french)
    assert '<html lang="fr">' in answer.text and answer.headers["vary"] == "Accept-Language"
    assert "Ensuite, <code>a b.ipynb</code> s’ouvre." in answer.text
    assert ">Construire et démarrer</button>" in answer.text and "Press the button" not in answer.text
    kind = await service.client.get(f"{PREFIX}v2/git/https%3A%2F%2Fhost.example%2Fx.git/HEAD", headers=french)
    assert "<h1>Dépôt git: " in kind.text and "Git repository" not in kind.text
    refused = await service.client.get(f"{PREFIX}?repository=no such", headers=french)
    assert refused.status_code == 400 and "Ouvrir un dépôt" in refused.text
    assert '<span lang="en">Write org/repo.</span>' in refused.text  # for those who have it read out
    fixed = await serve(web=replace(OPEN, language="de"))
    answer = await fixed.client.get(f"{PREFIX}v2/gh/org/repo/HEAD", headers=french)
    assert '<html lang="de">' in answer.text and ">Bauen und starten</button>" in answer.text


@pytest.mark.parametrize(
    "path",
    ["", "nowhere/x/y", "github/o/r/HEAD", "gh/", "gh/o", "gh/o/HEAD", "gh/o//HEAD", "gh/o/r/..", "gl/o/HEAD", "gist/x",
     "git/", "git/x", "zenodo/", "swh/x", "hydroshare/x", "ckan/x", "inline/", "local/%2Fetc", "gh/o/r/%FF"],
)  # fmt: skip
@pytest.mark.parametrize("tag", ["en", "de", "fr"])
async def test_a_link_that_leads_nowhere_says_so_at_once(serve: Serve, path: str, tag: str) -> None:
    """400 before any login, and in the page's language what is wrong and what to do: no button that could only fail."""
    service = await serve(web=OPEN, parse_provider=linked)
    answer = await service.client.get(f"{PREFIX}v2/{path}", headers={"Accept-Language": tag})
    assert answer.status_code == 400 and "<button" not in answer.text and f'<html lang="{tag}"' in answer.text
    assert f'<a href="{PREFIX}">' in answer.text
    (why,) = re.findall(r'<p class="problem">(.*?)</p>', answer.text)
    assert re.fullmatch(r".+\. .+\.", why) and "lang=" not in why and "`" not in why


@pytest.mark.parametrize(("pattern", "kind"), [("gist/*", RuleKind.SPEC), ("*.example", RuleKind.HOST)])
async def test_what_a_rule_forbids_is_offered_by_no_launch_page(serve: Serve, pattern: str, kind: RuleKind) -> None:
    """403 with the admin's reason; rules about users, which the page does not know, forbid it nothing."""
    service = await serve(web=OPEN, parse_provider=linked)
    await service.jobs.rules.add(RuleKind.USER, "nobody", author="boss", allowed=True, reason="")
    await service.jobs.rules.add(kind, pattern, author="boss", reason="Too <slow>")
    for path in {"gist/*": ("gist/ada/0123abcd/HEAD", "GIST/ada/0123abcd")}.get(
        pattern, ("git/https%3A%2F%2Fh.example%2Fr",)
    ):
        answer = await service.client.get(f"{PREFIX}v2/{path}")
        assert answer.status_code == 403 and "<button" not in answer.text
        assert "here: Too &lt;slow&gt;" in answer.text and "Ask the admin" in answer.text
    assert "<button" in (await service.client.get(f"{PREFIX}v2/gh/o/r/HEAD")).text


@pytest.mark.parametrize("path", ["badge.svg", "badge_logo.svg", "assets/images/badge.svg", "logo_social.png"])
async def test_13_pictures_may_be_shown_anywhere_and_kept(service: Service, path: str) -> None:
    """No login, a day's cache, embeddable by other sites; asked again, 304."""
    answer = await service.client.get(PREFIX + path)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("image/")
    assert "max-age=86400" in answer.headers["cache-control"]
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    again = await service.client.get(PREFIX + path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await service.client.head(PREFIX + path)).status_code == 200


LOOKED_AT = ("", "about", "v2/gh/o/r/HEAD", "versions", "metrics", "api/repoproviders", "_config", "live", "ready",
             "assets/launch.js", "robots.txt", "repo/o/r/a.ipynb")  # fmt: skip


@pytest.mark.parametrize("path", LOOKED_AT)
async def test_13_whatever_can_be_looked_at_has_a_head(service: Service, path: str) -> None:
    """Monitors, previews and checkers of links ask for the head alone, and get that of the whole answer."""
    whole, head = await service.client.get(PREFIX + path), await service.client.head(PREFIX + path)
    kept = ("content-type", "location", "cache-control", "vary", "content-security-policy")
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert [head.headers.get(name) for name in kept] == [whole.headers.get(name) for name in kept]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", f"build/gh/o/r/HEAD{ONLY}", {"GET", "OPTIONS"}),
        ("POST", f"build/gh/o/r/HEAD{ONLY}", {"GET", "OPTIONS"}),
        ("HEAD", "api/builds/x/events", {"GET"}),
        ("PUT", "api/builds", {"GET", "POST"}),
    ],
)
async def test_13_what_starts_work_has_no_head(serve: Serve, method: str, path: str, allowed: set[str]) -> None:
    """405 that names what can be done, and nothing is built."""
    builder = FakeBuilder()
    service = await serve(builder)
    answer = await service.ask(method, path)
    assert (answer.status_code, {*answer.headers["allow"].split(", ")}) == (405, allowed)
    assert builder.requests == []


async def test_13_versions_and_health_need_no_login(service: Service) -> None:
    """Also ``HEAD``; the pods' check is what federations read."""
    assert isinstance((await service.client.get(f"{PREFIX}versions")).json()["binderhub"], str)
    assert (await service.client.head(f"{PREFIX}health")).status_code == 200
    checks = {check["service"]: check for check in (await service.client.get(f"{PREFIX}health")).json()["checks"]}
    assert {"total_pods", "quota", "_ignore_failure"} <= set(checks["Pod quota"])


async def test_13_a_hub_that_is_away_degrades_and_is_not_down(serve: Serve) -> None:
    """200, because builds go on; the check of the hub is not ok, and says why."""

    async def away() -> None:
        raise Unreachable("JupyterHub does not answer.")

    service = await serve(parties={"JupyterHub API": Party(away)})
    answer = await service.client.get(f"{PREFIX}health")
    told = answer.json()
    assert (answer.status_code, told["ok"], told["status"]) == (200, True, "degraded")
    (hub,) = [check for check in told["checks"] if not check["ok"]]
    assert (hub["service"], hub["reason"]) == ("JupyterHub API", "JupyterHub does not answer.")


async def test_13_a_service_that_stops_is_down(service: Service) -> None:
    """503 and ``ok`` false."""
    await service.jobs.stop()
    answer = await service.client.get(f"{PREFIX}health")
    assert (answer.status_code, answer.json()["ok"], answer.json()["status"]) == (503, False, "down")


async def test_13_numbers_have_binderhubs_names_and_few_labels(service: Service) -> None:
    """A build is counted by its end and provider; a provider that nobody knows is ``other``."""
    await streamed(service)
    await streamed(service, f"made-up/x/y{ONLY}")
    lines = (await service.client.get(f"{PREFIX}metrics")).text.splitlines()
    assert 'binderhub_build_count_total{provider="gh",status="success"} 1.0' in lines
    assert 'binderhub_build_count_total{provider="other",status="success"} 1.0' in lines
    assert 'binderhub_build_time_seconds_count{status="success"} 2.0' in lines
    assert "binderhub_inprogress_builds 0.0" in lines and not any("org/repo" in line for line in lines)


async def test_13_providers_are_told_to_other_front_ends(service: Service) -> None:
    """In BinderHub's shape and in that of its older versions."""
    told = (await service.client.get(f"{PREFIX}api/repoproviders")).json()
    assert {kind["id"] for kind in told} >= {"gh", "gl", "git", "gist"}
    for kind in told:
        assert set(kind) <= {"displayName", "id", "spec", "detect", "repo", "ref"}
        assert "(?<repo>" in kind.get("detect", {"regex": "(?<repo>"})["regex"]
        assert set(kind["repo"]) == {"label", "placeholder", "urlEncode"} and kind["spec"]["validateRegex"]
    older = (await service.client.get(f"{PREFIX}_config")).json()
    assert older["gh"]["text"] and older["gh"]["ref_prop_disabled"] is False


ENCODE = partial(quote, safe="!'()*-._~")
"""JavaScript's ``encodeURIComponent``."""


@pytest.mark.parametrize(
    ("id", "typed", "means"),
    [
        ("gh", "org/repo", "org/repo"),
        ("gh", "https://github.com/org/repo/", "https://github.com/org/repo"),
        ("gl", "https://gitlab.com/group/sub/project", "https://gitlab.com/group/sub/project"),
        ("gist", "ada/0123456789abcdef", "gist/ada/0123456789abcdef"),
        ("git", "https://git.example.com/org/repo.git", "https://git.example.com/org/repo.git"),
        ("codeberg", "https://codeberg.org/org/repo", "https://codeberg.org/org/repo"),
        ("zenodo", "10.5281/zenodo.3242074", "10.5281/zenodo.3242074"),
        ("zenodo", "https://doi.org/10.5281/zenodo.3242074", "10.5281/zenodo.3242074"),
        ("figshare", "10.6084/m9.figshare.9782777.v1", "10.6084/m9.figshare.9782777.v1"),
        ("figshare", "https://doi.org/10.25375/uct.12345678", "figshare/10.25375/uct.12345678"),
        ("dataverse", "10.7910/DVN/TJCLKP", "10.7910/DVN/TJCLKP"),
        ("dataverse", "doi:10.34894/ABC123", "dataverse/10.34894/ABC123"),
        ("hydroshare", "8f7c2f0341ef4180b0dbe97f59130756", "hydroshare/8f7c2f0341ef4180b0dbe97f59130756"),
        ("ckan", "https://demo.ckan.org/dataset/a", "https://demo.ckan.org/dataset/a"),
    ],
)
def test_13_what_binderhubs_form_makes_of_a_text_is_what_it_means(id: str, typed: str, means: str) -> None:
    """Its expression finds the repository (else nothing can be built), and its link and its launch page accept it."""
    settings = RepositorySettings()
    (kind,) = (kind for kind in written(described(settings)) if kind.id == id)
    found = re.search(kind.detect.replace("(?<", "(?P<"), typed) if kind.detect else None
    repository = found["repo"] if found else "" if kind.detect else typed
    link = f"{ENCODE(repository) if kind.encode else repository}/{kind.ref or ''}"
    assert repository and re.search(kind.validate, link)
    assert parse_provider_path(id, link, settings=settings) == parse_spec(means, settings=settings)


def test_13_every_source_is_told_to_other_front_ends() -> None:
    """Also those of an admin's own, and a GitHub elsewhere under its own address."""
    settings = RepositorySettings(
        github="https://git.lan", sources=check_sources([("forge", "gitea", "https://f.lan")])
    )
    told = {kind.id: kind for kind in written(described(settings))}
    assert {"zenodo", "swh", "codeberg", "forge", "git", "archive"} <= set(told)
    assert told["zenodo"].ref is None and told["git"].encode and not told["forge"].encode
    assert told["gh"].home == "https://git.lan/" and "git\\.lan/" in told["gh"].detect


async def test_16_two_requests_share_a_build_and_a_third_reads_from_the_start(serve: Serve) -> None:
    """Each of them sees the first line of the log."""
    builder = FakeBuilder(held=True)
    service = await serve(builder)
    two = [asyncio.create_task(streamed(service, token=user)) for user in ("ada", "grace")]
    await builder.until_started(1)
    third = asyncio.create_task(streamed(service, token="hub"))
    await joined(service, "ada", "grace", "service/binder")
    builder.release()
    for events in await asyncio.gather(*two, third):
        assert {"phase": "fetching", "message": "Fetching the repository.\n"} in events and events[-1][
            "imageName"
        ] == BUILT.image
    assert len(builder.requests) == 1


async def test_17_who_leaves_stops_nothing(serve: Serve) -> None:
    """One of two streams of a build breaks off; the other ends ready."""
    builder = FakeBuilder(held=True)
    service = await serve(builder)
    leaving = asyncio.create_task(streamed(service))
    await builder.until_started(1)
    staying = asyncio.create_task(streamed(service, token="grace"))
    await joined(service, "ada", "grace")
    leaving.cancel()
    builder.release()
    assert (await staying)[-1]["phase"] == "ready" and builder.cancelled == 0


async def test_24_strangers_are_told_their_limit_and_stopped_at_it(serve: Serve) -> None:
    """BinderHub's three headers; beyond the limit ``failed`` 429 at HTTP 200, and nothing is built."""
    builder = FakeBuilder()
    service = await serve(builder, web=OPEN)
    answers = [await service.ask("GET", f"build/gh/o/r{n}/HEAD{ONLY}", None, headers=STREAM) for n in range(4)]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "-1"]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
    (event,) = read(answers[3].text).events
    assert (answers[3].status_code, event["status_code"]) == (200, 429) and "Rate limit exceeded" in event["message"]
    assert len(builder.requests) == 3


async def test_24_a_page_of_ours_lets_its_visitor_build(serve: Serve) -> None:
    """Its build token is for one spec and counts for nothing; for another spec it is refused."""
    service = await serve(web=OPEN)
    token = build_token(service.app.state.parts, "gh/o/r/HEAD")
    good = await service.ask("GET", f"build/gh/o/r/HEAD{ONLY}&build_token={token}", None, headers=STREAM)
    assert read(good.text).events[-1]["phase"] == "ready" and "x-ratelimit-limit" not in good.headers
    bad = await service.ask("GET", f"build/gh/o/other/HEAD{ONLY}&build_token={token}", None, headers=STREAM)
    assert read(bad.text).events[0]["status_code"] == 403


async def test_24_a_banned_network_is_refused_whoever_asks(serve: Serve) -> None:
    """403 by an event, also with a token; the address that a stranger claims to have is not believed."""
    from ipaddress import ip_network

    banned = (ip_network("203.0.113.0/24"),)
    service = await serve(web=WebSettings(hold_seconds=0, banned_networks=banned))

    async def status(forwarded: str) -> object:
        return (await streamed(service, headers={"X-Forwarded-For": forwarded}))[-1].get("status_code")

    assert await status("203.0.113.7") == 403
    assert await status("198.51.100.1, 203.0.113.7") == 403
    assert await status("203.0.113.7, 198.51.100.1") is None
    health = await service.client.get(f"{PREFIX}health", headers={"X-Forwarded-For": "203.0.113.7"})
    assert health.status_code == 200


def test_bad_links_are_refused() -> None:
    """A provider that is not there is a sentence, not an empty build."""
    with pytest.raises(BadSpec):
        spec_of("nope/a/b/HEAD")


def test_the_client_of_these_tests_sends_paths_as_they_are() -> None:
    """Else the rows of specs would prove nothing."""
    assert httpx.URL("http://h/a%252Fb%2Fc").raw_path == b"/a%252Fb%2Fc"
