"""Errors as HTTP answers: one JSON shape, our sentence and hint, never a stack trace."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from hubkiln.errors import HubkilnError, LimitReached, Unreachable

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class ErrorModel(BaseModel):
    """What went wrong and what to do."""

    code: str
    message: str
    hint: str


def error_model(error: HubkilnError | None) -> ErrorModel | None:
    """An error as the API gives it inside an answer; None for none."""
    return ErrorModel(code=error.code, message=error.message, hint=error.advice) if error else None


def problem(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    """An error's answer."""
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status)


def status_of(code: str) -> int:
    """HTTP status of the error class with this code; 500 if there is none."""
    return next((kind.status for kind in _kinds(HubkilnError) if kind.code == code), 500)


def _kinds(kind: type[HubkilnError]) -> Iterator[type[HubkilnError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def install(app: FastAPI) -> None:
    """Make `app` answer errors in this form."""

    @app.exception_handler(HubkilnError)
    async def ours(_: Request, error: HubkilnError) -> JSONResponse:
        answer = problem(error.status, error.code, error.message, error.advice)
        if error.status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        if isinstance(error, LimitReached | Unreachable) and error.after is not None:
            answer.headers["Retry-After"] = str(math.ceil(error.after))
        return answer

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["loc"][0] == "body" and "json" not in request.headers.get("content-type", "").lower():
            message = "The request is malformed: its body has to come as JSON."
            return problem(422, "bad_request", message, "Send it with `Content-Type: application/json`.")
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query"))
        return problem(
            422,
            "bad_request",
            f"The request is malformed: {where or 'body'}: {first['msg']}.",
            "See the API reference.",
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = BY_STATUS.get(error.status_code, "http_error")
        packed = error.status_code == 400 and request.headers.get("content-encoding", "identity") != "identity"
        hint = "Send the body as it is, without `Content-Encoding`." if packed else ""
        answer = problem(error.status_code, code, f"{error.detail}.".replace("..", "."), hint)
        if error.status_code == 405:
            answer.headers["Allow"] = ", ".join(method for method in METHODS if _known(app, request, method))
        return answer


def _known(app: FastAPI, request: Request, method: str) -> bool:
    """Whether `method` has a route at the path of `request`: each has one of its own."""
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in app.routes)
