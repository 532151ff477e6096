"""Users' own tokens for private repositories: stored, listed by host, removed; never given back."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field, SecretStr

from hubkiln.web.requests import CallerOf, PartsOf

router = APIRouter(prefix="/api", tags=["credentials"])


class TokenModel(BaseModel):
    """A token of the caller's for a host."""

    token: SecretStr = Field(description="Needs to read repositories, and nothing more.")


class HostsModel(BaseModel):
    """For which hosts there are tokens of the caller's."""

    hosts: list[str] = Field(description="Stored by the caller; for an owner, `github.com/org`.")
    login: list[str] = Field(description="Those at which the caller logged in, so that the hub has a token.")


@router.get("/credentials", response_model=HostsModel)
async def hosts(caller: CallerOf, parts: PartsOf) -> HostsModel:
    """For which hosts the caller has stored a token, and for which the hub has one by the caller's login."""
    private = parts.private
    return HostsModel(hosts=await private.keyring.hosts(caller.owner), login=sorted(await private.logins(caller.owner)))


@router.put("/credentials/{host:path}", status_code=204)
async def store(host: str, body: TokenModel, caller: CallerOf, parts: PartsOf) -> None:
    """
    Store the caller's token for a host, or for an owner there (`github.com/org`), at the usual port of https unless
    said; used for the caller's own builds alone.
    """
    await parts.private.keyring.store(caller.owner, host, body.token.get_secret_value())


@router.delete("/credentials/{host:path}", status_code=204)
async def remove(host: str, caller: CallerOf, parts: PartsOf) -> None:
    """Forget the caller's token for a host."""
    await parts.private.keyring.remove(caller.owner, host)
