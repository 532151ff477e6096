"""Pictures for links: the badge that stands in READMEs, and what previews of a link show.

Everybody may show them anywhere, and keep them for a day: a README is read more often than anything else of ours.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request, Response

router = APIRouter(tags=["pages"])

FOLDER = Path(__file__).parent / "static"

ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "public, max-age=86400",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


@router.get("/badge.svg", include_in_schema=False)
@router.get("/badge_logo.svg", include_in_schema=False)
@router.get("/assets/images/badge.svg", include_in_schema=False)
async def badge(request: Request) -> Response:
    """The badge, at the addresses that BinderHub had for it."""
    return picture(request, "badge.svg", "image/svg+xml")


@router.get("/logo_social.png", include_in_schema=False)
async def social(request: Request) -> Response:
    """The picture of a link's preview."""
    return picture(request, "logo_social.png", "image/png")


def picture(request: Request, name: str, kind: str) -> Response:
    """A file of ours that anybody may keep; 304 for who has it."""
    data = (FOLDER / name).read_bytes()
    tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
    headers = ANYWHERE | {"ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=kind)
