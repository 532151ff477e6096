"""What other front ends ask to draw a form: which kinds of repositories there are, and how each is written.

``/api/repoproviders`` is BinderHub's; ``/_config`` is what its older versions had in that place. Their regular
expressions are JavaScript's.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from hubkiln.web.kinds import Written
from hubkiln.web.requests import PartsOf

router = APIRouter(tags=["binderhub"])

OPEN = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}

_REF = "Git ref (branch, tag, or commit)"


class _Spec(BaseModel):
    validateRegex: str


class _Detect(BaseModel):
    regex: str


class _Repo(BaseModel):
    label: str
    placeholder: str
    urlEncode: bool


class _Ref(BaseModel):
    enabled: bool
    default: str | None = None


class ProviderModel(BaseModel):
    """One kind of repository, as BinderHub tells it."""

    displayName: str
    id: str
    spec: _Spec
    detect: _Detect | None = None
    repo: _Repo
    ref: _Ref


class OldProviderModel(BaseModel):
    """The same, as BinderHub told it before."""

    text: str
    tag_text: str
    ref_prop_disabled: bool = Field(description="True where there are no refs.")
    label_prop_disabled: bool = False


@router.get("/api/repoproviders", response_model=list[ProviderModel], response_model_exclude_none=True)
async def repository_providers(response: Response, parts: PartsOf) -> list[ProviderModel]:
    """Which kinds of repositories can be built here."""
    response.headers.update(OPEN)
    return [provider_model(kind) for kind in parts.offer.kinds]


@router.get("/_config", response_model=dict[str, OldProviderModel])
async def older_config(response: Response, parts: PartsOf) -> dict[str, OldProviderModel]:
    """The same for front ends of older BinderHubs."""
    response.headers.update(OPEN)
    return {
        kind.id: OldProviderModel(text=kind.label, tag_text=_REF if kind.ref else "", ref_prop_disabled=not kind.ref)
        for kind in parts.offer.kinds
    }


def provider_model(kind: Written) -> ProviderModel:
    """`kind` as it is told."""
    return ProviderModel(
        displayName=kind.name,
        id=kind.id,
        spec=_Spec(validateRegex=kind.validate),
        detect=_Detect(regex=kind.detect) if kind.detect else None,
        repo=_Repo(label=kind.label, placeholder=kind.placeholder, urlEncode=kind.encode),
        ref=_Ref(enabled=kind.ref is not None, default=kind.ref),
    )
