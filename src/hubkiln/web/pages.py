"""Pages for people: what a badge leads to, and the few around it. Looking at one starts nothing; its button does."""

from __future__ import annotations

import html
import json
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from hubkiln import __version__
from hubkiln.errors import BadSpec, HubkilnError, NotFound
from hubkiln.launches import opening
from hubkiln.values import Spec
from hubkiln.web.arrivals import build_token
from hubkiln.web.builds import log_response
from hubkiln.web.kinds import name_of
from hubkiln.web.launching import public_origin
from hubkiln.web.login import SESSION, XSRF, path_of
from hubkiln.web.requests import Parts, PartsOf, caller_of, check_may_build
from hubkiln.web.spelled import split_path
from hubkiln.web.webhooks import OWNER

router = APIRouter(tags=["pages"], include_in_schema=False)

FOLDER = Path(__file__).parent / "static"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

TYPES = {"launch.js": "text/javascript", "launch.css": "text/css"}

WORDS = {
    "no": ("Build", "The environment is built, so that you can choose it for a server of yours."),
    "users": ("Build and start", "The environment is built, unless it is there, and your server is started with it."),
    "everybody": (
        "Build and start",
        "The environment is built, unless it is there, and a server is started for you. It is removed, with all that "
        "you make in it, when you leave it alone for a while.",
    ),
}


@router.get("/v2/{rest:path}")
async def launch_page(rest: str, request: Request, parts: PartsOf) -> Response:
    """What a launch link means, and the button that does it."""
    if await _must_log_in(request, parts):
        assert parts.login is not None
        return parts.login.redirect(request, public_origin(request, parts), path_of(request))
    provider, rest = split_path(request.scope["raw_path"], parts.prefix)
    path = f"{provider}/{rest}"
    try:
        spec = parts.offer.parse_provider(provider, rest)
    except BadSpec as error:
        return _page(request, parts, "This link names no repository", f"<p>{html.escape(str(error))}</p>", 400)
    return _page(
        request, parts, f"{name_of(parts.offer.kinds, provider)}: {_shown(spec)}", _body(request, parts, spec, path)
    )


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
    problem = ""
    if typed:
        try:
            from hubkiln.repositories import provider_path

            return RedirectResponse(f"{parts.prefix}v2/{provider_path(parts.offer.parse(typed, None, ''))}", 302)
        except HubkilnError as error:
            problem = f'<p class="problem">{html.escape(str(error))}</p>'
    body = (
        "<p>Give a repository. The next page says what will happen and has a button; its address is a link to share."
        f'</p>{problem}<form method="get"><label for="repository">Repository</label>'
        f'<input id="repository" name="repository" required value="{html.escape(typed)}" '
        'placeholder="org/repo, or an address"><button>Go on</button></form>'
    )
    return _page(request, parts, "Open a repository", body, 400 if problem else 200)


@router.get("/about")
async def about(request: Request, parts: PartsOf) -> Response:
    """What this is."""
    body = f"<p>Hubkiln {html.escape(__version__)}, the build service of this JupyterHub.</p>"
    return _page(request, parts, "About", body)


@router.get("/logs/{id}")
async def log_page(id: str, request: Request, parts: PartsOf) -> Response:
    """The log of what a webhook had built: where a commit's status leads, for whoever may build it, too."""
    if await _must_log_in(request, parts):
        assert parts.login is not None
        return parts.login.redirect(request, public_origin(request, parts), path_of(request))
    if parts.settings.launch != "everybody":
        check_may_build(parts, await caller_of(request))
    record = await parts.jobs.record(id)
    if record.owner != OWNER or record.request.spec.reader:
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
    if request.headers.get("sec-fetch-dest", "document" if SESSION in request.cookies else "") != "document":
        return False
    token = request.cookies.get(SESSION)
    try:
        return token is None or await parts.auth.caller(token) is None
    except HubkilnError:
        return False  # the page's button will say why


def _body(request: Request, parts: Parts, spec: Spec, path: str) -> str:
    button, what = WORDS[parts.settings.launch]
    found = opening(dict(request.query_params))
    opened = (
        request.headers.get("sec-fetch-dest", "document") == "document"
    )  # by a person, not by another page's script
    needs_login = parts.settings.launch != "everybody" and SESSION not in request.cookies
    data = {
        "build": f"{parts.prefix}build/{path}?build_token={quote(build_token(parts, path))}"
        + ("&build_only=true" if parts.settings.launch == "no" else ""),
        "xsrf": request.cookies.get(XSRF, "") if opened else "",
        "path": found.path,
        "query": found.query,
        "fragment": found.fragment,
        "home": f"{parts.prefix[: parts.prefix.rindex('services/')]}hub/spawn" if "services/" in parts.prefix else "/",
    }
    opens = f"<p>Then <code>{html.escape(found.path)}</code> is opened.</p>" if found.path else ""
    problem = f'<p class="problem">{html.escape(found.problem)}</p>' if found.problem else ""
    login = "<p>You have to log in for it.</p>" if needs_login and parts.login else ""
    return (
        f"<p>{html.escape(what)}</p>{opens}{problem}{login}"
        f'<p><button id="start" autofocus>{button}</button> <span id="phase" role="status"></span></p>'
        '<pre id="log" tabindex="0" aria-label="Log" hidden></pre>'
        f'<div id="data" hidden data-launch="{html.escape(json.dumps(data))}"></div>'
        f'<script type="module" src="{parts.prefix}assets/launch.js"></script>'
        "<noscript><p>Starting a server needs JavaScript.</p></noscript>"
    )


def _page(request: Request, parts: Parts, title: str, body: str, status: int = 200) -> Response:
    origin, shown = public_origin(request, parts), html.escape(title)
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{shown}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex,nofollow">'
        f'<meta property="og:title" content="{shown}"><meta property="og:type" content="website">'
        f'<meta property="og:image" content="{html.escape(f"{origin}{parts.prefix}logo_social.png")}">'
        '<meta property="og:description" content="Open this repository in a Jupyter server.">'
        f'<link rel="stylesheet" href="{parts.prefix}assets/launch.css"></head>'
        f"<body><main><h1>{shown}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(text, status, HEADERS)


def _shown(spec: Spec) -> str:
    return f"{spec.repository}/{spec.ref}"
