"""What a person typed or pasted, understood: for the page's one field, and for whoever makes links."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from hubkiln.environments import title
from hubkiln.repositories import Mistaken
from hubkiln.web.kinds import link_path, name_of
from hubkiln.web.models import SpecModel, spec_model
from hubkiln.web.requests import CallerOf, Parts, PartsOf, only_looks

router = APIRouter(prefix="/api", tags=["repositories"])

NAMES = {"inline": "a list of packages", "archive": "an archive at an address", "git": "git", "doi": "a DOI"}


class RecognisedModel(BaseModel):
    """What a text means."""

    kind: Literal["repository", "image", "packages"]
    value: str
    """What it says, without what is around it: the name of an image, what to type for packages."""
    spec: SpecModel | None = None
    title: str = ""
    source: str = ""
    """Where the repository lives, as people call it."""
    opens: str = ""
    """What a link wants to be opened, below the server's address: ``lab/tree/docs/a.ipynb``."""
    link: str = ""
    """What follows ``/v2/`` in a link to it: ``gh/org/repo/HEAD``."""


class Typed(BaseModel):
    """What was typed or pasted."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=20_480)
    ref: str | None = Field(default=None, max_length=512)
    subdir: str = Field(default="", max_length=1024)


@router.get("/recognised", response_model=RecognisedModel)
async def recognised(
    _: CallerOf,
    parts: PartsOf,
    text: Annotated[str, Query(max_length=20_480)],
    ref: Annotated[str | None, Query(max_length=512)] = None,
    subdir: Annotated[str, Query(max_length=1024)] = "",
) -> RecognisedModel:
    """What `text` names: a repository however it is written, an image, or packages; nothing is looked up."""
    return _recognised(parts, text, ref, subdir)


@router.post("/recognised", response_model=RecognisedModel)
async def recognised_long(_: CallerOf, request: Request, parts: PartsOf, body: Typed) -> RecognisedModel:
    """The same, for a text that is too long for an address."""
    only_looks(request)
    return _recognised(parts, body.text, body.ref, body.subdir)


def _recognised(parts: Parts, text: str, ref: str | None, subdir: str) -> RecognisedModel:
    try:
        found = parts.offer.recognise(text, ref or None, subdir)
    except Mistaken as error:
        if error.kind == "image":
            return RecognisedModel(kind="image", value=error.value)
        found = parts.offer.recognise(error.value, None, "")
    spec = found.spec
    return RecognisedModel(
        kind="packages" if spec.provider == "inline" else "repository",
        value=text.strip(),
        spec=spec_model(spec),
        title=title(spec),
        source=NAMES.get(spec.provider) or name_of(parts.offer.kinds, spec.provider),
        opens=found.opens,
        link=link_path(parts.offer.kinds, spec),
    )
