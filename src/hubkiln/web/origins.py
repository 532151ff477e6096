"""Which other sites' pages may read an answer: those that the admin names."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

ALLOWED = {
    "Access-Control-Allow-Headers": "accept, authorization, cache-control, content-type, last-event-id, x-xsrftoken",
    "Access-Control-Allow-Methods": "GET, OPTIONS",
}

TOLD = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id"
"""Headers that such a page may read."""


def origin_headers(request: Request, origins: Sequence[str]) -> dict[str, str]:
    """
    The headers for the page that asks; none that lets it read where its site is not in `origins`.

    Credentials are never allowed: a page of another site sends a token of its own, not the reader's cookie.
    """
    if "*" in origins:
        return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": TOLD}
    if not origins:
        return {}
    origin = request.headers.get("origin", "").lower()
    named = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": TOLD} if origin in origins else {}
    return named | {"Vary": "Origin"}
