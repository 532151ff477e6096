"""Pages for people: what a badge leads to, and the few around it. Looking at one starts nothing; its button does."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from hubkiln import __version__
from hubkiln.builds import Notices
from hubkiln.errors import BadSpec, HubkilnError, NotFound, Refused
from hubkiln.languages import ENGLISH, Language
from hubkiln.launches import Opening, opening
from hubkiln.values import Spec
from hubkiln.web.arrivals import build_token, check_network
from hubkiln.web.builds import log_response
from hubkiln.web.kinds import link_path, name_of
from hubkiln.web.launching import public_origin
from hubkiln.web.link_specs import link_of, packages_in, query_of, spec_in
from hubkiln.web.login import SESSION, XSRF, path_of
from hubkiln.web.requests import Parts, PartsOf, caller_of, check_may_build, check_rules
from hubkiln.web.spelled import split_path
from hubkiln.web.visitors import address_of
from hubkiln.web.webhooks import OWNER
from hubkiln.written_links import check_length

router = APIRouter(tags=["pages"], include_in_schema=False)

FOLDER = Path(__file__).parent / "static"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

TYPES = {"launch.js": "text/javascript", "launch.css": "text/css"}

_FILE = re.compile(r"^(?:doc/|lab/)?tree/(?=.)")
"""Before the path of a file in a server's addresses."""

_CODE = re.compile("`([^`]+)`")
"""Code in what the service says."""

WORDS = {
    "no": ("Build", "The environment is built, so that you can choose it for a server of yours."),
    "users": ("Build and start", "The environment is built, unless it is there, and your server is started with it."),
    "everybody": (
        "Build and start",
        "The environment is built, unless it is there, and a server is started for you. It is removed, with all that "
        "you make in it, when you leave it alone for a while.",
    ),
}
"""The button, and what it does."""

TOLD = {
    "waiting": "Waiting…",
    "fetching": "Fetching the repository…",
    "building": "Building…",
    "pushing": "Pushing…",
    "built": "Built.",
    "launching": "Starting your server…",
    "ready": "Ready.",
    "failed": "Failed.",
    "lost": "The connection was lost; the build goes on. Press the button to follow it again.",
    "long": "A server in between does not let so long a link through. Put what makes it long into a repository.",
    "silent": "The service cannot be reached. Press the button to try again.",
}
"""What the page's script says, by phase and by what else may happen."""


@router.get("/v2/{rest:path}")
async def launch_page(rest: str, request: Request, parts: PartsOf) -> Response:
    """What a launch link means, and the button that does it; what cannot be built gets none, and why."""
    language = _language(request, parts)
    try:
        spec = spec_in(request, parts)
    except BadSpec as error:
        return _refusal(request, parts, language.say("This link leads nowhere"), error)
    if await _must_log_in(request, parts):
        assert parts.login is not None
        answer = parts.login.redirect(request, public_origin(request, parts), path_of(request))
        try:
            check_length(quote(answer.headers["location"], safe=""))  # whoever is not logged in there meets it so
            return answer
        except BadSpec as error:
            return _refusal(request, parts, language.say("This link leads nowhere"), error, 414)
    title = f"{language.say(name_of(parts.offer.kinds, spec.provider))}: {_shown(parts, spec)}"
    try:
        await check_network(address_of(request, parts.settings.trusted_proxies), parts)
        await check_rules(parts, spec)
    except Refused as error:
        return _refusal(request, parts, title, error)
    path = "/".join(split_path(request.scope["raw_path"], parts.prefix))
    return _page(request, parts, title, _body(request, parts, spec, path))


@router.get("/repo/{owner}/{name}")
@router.get("/repo/{owner}/{name}/{path:path}")
async def old_link(owner: str, name: str, parts: PartsOf, path: str = "") -> Response:
    """The links of the first Binder."""
    query = f"?urlpath={quote(f'/{path}', safe='/')}" if path else ""
    return RedirectResponse(f"{parts.prefix}v2/gh/{quote(owner, safe='')}/{quote(name, safe='')}/HEAD{query}", 302)


@router.get("/")
async def front_page(request: Request, parts: PartsOf) -> Response:
    """Where links are made: it names what was typed as a launch link does."""
    typed = request.query_params.get("repository", "")
    language, problem = _language(request, parts), ""
    if typed:
        try:
            found = parts.offer.recognise(typed, None, "")
            link = link_of(parts.offer.kinds, found.spec)
            opens = f"{'&' if '?' in link else '?'}urlpath={quote(found.opens, safe='')}" if found.opens else ""
            return RedirectResponse(f"{parts.prefix}v2/{link}{opens}", 302)
        except HubkilnError as error:
            problem = f'<p class="problem" role="alert">{_sentence(language, error)}</p>'
    what = language.say(
        "Give a repository. The next page says what will happen and has a button; its address is a link to share."
    )
    body = (
        f'<p>{html.escape(what)}</p>{problem}<form method="get">'
        f'<label for="repository">{html.escape(language.say("Repository"))}</label>'
        f'<input id="repository" name="repository" required value="{html.escape(typed)}" '
        f'placeholder="{html.escape(language.say("org/repo, or an address"))}">'
        f"<button>{html.escape(language.say('Go on'))}</button></form>"
    )
    return _page(request, parts, language.say("Open a repository"), body, 400 if problem else 200)


@router.get("/robots.txt")
async def robots() -> Response:
    """Where the service has a host to itself: nothing here is for those who collect pages."""
    return Response("User-agent: *\nDisallow: /\n", media_type="text/plain")


@router.get("/about")
async def about(request: Request, parts: PartsOf) -> Response:
    """What this is."""
    language = _language(request, parts)
    what = language.say("Hubkiln {version}, the build service of this JupyterHub.", version=__version__)
    return _page(request, parts, language.say("About"), f"<p>{html.escape(what)}</p>")


@router.get("/logs/{id}")
async def log_page(id: str, request: Request, parts: PartsOf) -> Response:
    """
    The log of what a webhook had built: where a commit's status leads, for whoever may build it, too.

    Also of the same built again by somebody, or by somebody already when the webhook came.
    """
    if await _must_log_in(request, parts):
        assert parts.login is not None
        return parts.login.redirect(request, public_origin(request, parts), path_of(request))
    if parts.settings.launch != "everybody":
        check_may_build(parts, await caller_of(request))
    record = await parts.jobs.record(id)
    of_webhook = record.owner == OWNER or await Notices(parts.database).tell_a_forge(id)
    if not of_webhook or record.request.spec.reader:
        raise NotFound("There is no such build.")
    return log_response(parts.jobs, id, range(record.log_bytes), 200, {"Cache-Control": "no-store"})


@router.get("/oauth_callback")
async def logged_in(request: Request, parts: PartsOf) -> Response:
    """The way back from the hub's login."""
    if parts.login is None:
        raise NotFound("There is no login here.")
    return await parts.login.finish(request, public_origin(request, parts))


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    """Script and style of these pages."""
    if name not in TYPES:
        raise NotFound("There is no such file.")
    return Response((FOLDER / name).read_bytes(), headers={"Cache-Control": "no-cache"}, media_type=TYPES[name])


async def _must_log_in(request: Request, parts: Parts) -> bool:
    """
    Whether a person has to log in first.

    Programs that only look (previews of links) say nothing of a document that a person opens, and get the page.
    """
    if parts.login is None or parts.settings.launch == "everybody":
        return False
    if not _opened(request):
        return False
    token = request.cookies.get(SESSION)
    try:
        return token is None or await parts.auth.caller(token) is None
    except HubkilnError:
        return False  # the page's button will say why


def _opened(request: Request) -> bool:
    """Whether a browser opens it for a person, which over plain HTTP none says in so many words, and no old one."""
    if (asked := request.headers.get("sec-fetch-dest")) is not None:
        return asked == "document"
    return SESSION in request.cookies or request.headers.get("upgrade-insecure-requests") == "1"


def _refusal(request: Request, parts: Parts, title: str, error: HubkilnError, status: int = 0) -> Response:
    """Why nothing can be built, and where another repository can be named."""
    language = _language(request, parts)
    other = f'<p><a href="{parts.prefix}">{html.escape(language.say("Open a repository"))}</a></p>'
    body = f'<p class="problem">{_sentence(language, error)}</p>{other}'
    return _page(request, parts, title, body, status or error.status)


def _body(request: Request, parts: Parts, spec: Spec, path: str) -> str:
    language = _language(request, parts)
    say = language.say
    button, what = map(say, WORDS[parts.settings.launch])
    found = opening(dict(reversed(request.query_params.multi_items())))  # the first of several counts, as in BinderHub
    needs_login = parts.settings.launch != "everybody" and SESSION not in request.cookies
    data = _told(request, parts, path, found) | {"words": {key: say(text) for key, text in TOLD.items()}}
    shown = f"<code>{html.escape(_FILE.sub('', unquote(found.path)))}</code>"
    opens = html.escape(say("Then {path} is opened.")).replace("{path}", shown) if found.path else ""
    problem = f'<p class="problem">{_sentence(language, found.problem)}</p>' if found.problem else ""
    login = f"<p>{html.escape(say('You have to log in for it.'))}</p>" if needs_login and parts.login else ""
    return (
        f"<p>{html.escape(what)}</p>{f'<p>{opens}</p>' if opens else ''}{problem}{login}"
        f'<p><button id="start" autofocus>{html.escape(button)}</button> <span id="phase" role="status"></span></p>'
        f'<pre id="log" tabindex="0" role="log" aria-live="off" aria-label="{html.escape(say("Log"))}" hidden></pre>'
        f'<div id="data" hidden data-launch="{html.escape(json.dumps(data))}"></div>'
        f'<script type="module" src="{parts.prefix}assets/launch.js"></script>'
        f"<noscript><p>{html.escape(say('Starting a server needs JavaScript.'))}</p></noscript>"
    )


def _told(request: Request, parts: Parts, path: str, found: Opening) -> dict[str, Any]:
    """What the page's script needs to know."""
    opened = request.headers.get("sec-fetch-dest", "document") == "document"  # not by another page's script
    return {
        "build": f"{parts.prefix}build/{path}?build_token={quote(build_token(parts, path))}"
        + ("&build_only=true" if parts.settings.launch == "no" else "")
        + query_of(packages_in(request)).replace("?", "&", 1),
        "xsrf": request.cookies.get(XSRF, "") if opened else "",
        "path": found.path,
        "query": found.query,
        "fragment": found.fragment,
        "home": f"{parts.prefix[: parts.prefix.rindex('services/')]}hub/spawn" if "services/" in parts.prefix else "/",
    }


def _page(request: Request, parts: Parts, title: str, body: str, status: int = 200) -> Response:
    origin, shown, language = public_origin(request, parts), html.escape(title), _language(request, parts)
    about = html.escape(language.say("Open this repository in a Jupyter server."))
    text = (
        f'<!doctype html><html lang="{language.tag}"><head><meta charset="utf-8"><title>{shown}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex,nofollow">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta property="og:title" content="{shown}"><meta property="og:type" content="website">'
        f'<meta property="og:image" content="{html.escape(f"{origin}{parts.prefix}logo_social.png")}">'
        f'<meta property="og:description" content="{about}">'
        f'<link rel="stylesheet" href="{parts.prefix}assets/launch.css"></head>'
        f"<body><main><h1>{shown}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(text, status, HEADERS | {"Vary": "Accept-Language"})


def _language(request: Request, parts: Parts) -> Language:
    """Of whoever reads the page."""
    return parts.languages.accepted(request.headers.get("accept-language", ""))


def _sentence(language: Language, text: object) -> str:
    """What the service says, with its hint behind it: as HTML, in the reader's language as far as there are words."""
    sentences = [text.message, text.advice] if isinstance(text, HubkilnError) else [str(text)]
    return " ".join(_told_sentence(language, sentence) for sentence in sentences if sentence)


def _told_sentence(language: Language, sentence: str) -> str:
    """One of them; what stays English on a page in another language is marked so, for those who have it read out."""
    told = language.told(sentence)
    foreign = told == sentence and language.tag != ENGLISH
    shown = _CODE.sub(r"<code>\1</code>", html.escape(told))
    return f'<span lang="en">{shown}</span>' if foreign else shown


def _shown(parts: Parts, spec: Spec) -> str:
    name = unquote(link_path(parts.offer.kinds, spec).partition("/")[2])
    return f"{name} + {', '.join(spec.packages.splitlines())}" if spec.packages else name
