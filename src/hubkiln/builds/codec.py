"""Events, requests and results as JSON: what the journal stores and the streams send."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, assert_never

from hubkiln.builds.events import Entered, Event, Log, Phase, Planned, Progress, Queued, Resolved
from hubkiln.builds.interface import BuildRequest, Built
from hubkiln.keys import digest
from hubkiln.values import Revision, Spec

Document = dict[str, Any]


def encode(event: Event) -> tuple[str, Document]:
    """The event's kind and its fields; the kind is the ``type`` that clients see."""
    match event:
        case Entered(phase):
            return "phase", {"phase": phase.value}
        case Log(text):
            return "log", {"text": text}
        case Queued(position, seconds):
            return "queued", {"position": position, "seconds": seconds}
        case Resolved(commit):
            return "resolved", {"commit": commit}
        case Planned(plan, why):
            return "planned", {"plan": plan, "why": list(why)}
        case Progress(done, total):
            return "progress", {"done": done, "total": total}
        case _:
            assert_never(event)


def decode(kind: str, data: Document) -> Event:
    """
    The event that :func:`encode` made this of.

    Raises:
        ValueError: no event is of this kind.
    """
    match kind:
        case "phase":
            return Entered(Phase(data["phase"]))
        case "log":
            return Log(data["text"])
        case "queued":
            return Queued(data["position"], data.get("seconds"))
        case "resolved":
            return Resolved(data["commit"])
        case "planned":
            return Planned(data["plan"], tuple(data["why"]))
        case "progress":
            return Progress(data["done"], data["total"])
        case _:
            raise ValueError(f"no event is of kind {kind!r}")


def encode_request(request: BuildRequest) -> Document:
    """As JSON."""
    document = asdict(request)
    for named in (document, document["revision"] or {}):
        if "spec" in named and not named["spec"]["packages"]:
            del named["spec"]["packages"]  # as it was before there were any: keys stay
    if (revision := request.revision) is not None and revision.committed_at is not None:
        document["revision"]["committed_at"] = revision.committed_at.isoformat()
    return document


def decode_request(data: Document) -> BuildRequest:
    """The request that :func:`encode_request` made this of."""
    revision = data.get("revision")
    return BuildRequest(
        **{**data, "spec": Spec(**data["spec"]), "revision": decode_revision(revision) if revision else None}
    )


def decode_revision(data: Document) -> Revision:
    """The revision that :func:`encode_request` made this of."""
    at = data.get("committed_at")
    at = datetime.fromisoformat(at) if at else None
    return Revision(**{**data, "spec": Spec(**data["spec"]), "committed_at": at})


def request_key(request: BuildRequest) -> str:
    """
    Digest of everything asked; equal requests, and only they, have the same.

    Where the commit is known, it counts and not what it was called by.
    """
    asked = encode_request(replace(request, revision=None))
    if request.revision is not None:
        asked["spec"]["ref"] = request.revision.commit
    return digest(asked)


def encode_built(built: Built) -> Document:
    """As JSON."""
    return asdict(built)


def decode_built(data: Document) -> Built:
    """The result that :func:`encode_built` made this of."""
    return Built(**{**data, "why": tuple(data["why"])})
