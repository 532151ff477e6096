"""What an audit is told of a launch, in BinderHub's shape: archives of launches read it."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request

from hubkiln.builds import Record
from hubkiln.web.audit import LAUNCH
from hubkiln.web.kinds import name_of
from hubkiln.web.requests import Parts
from hubkiln.web.spelled import split_path

NAMES = {
    "gh": "GitHub",
    "gist": "Gist",
    "gl": "GitLab",
    "git": "Git",
    "zenodo": "Zenodo",
    "figshare": "Figshare",
    "hydroshare": "Hydroshare",
    "dataverse": "Dataverse",
    "ckan": "CKAN",
}
"""What BinderHub calls its providers; others have the name that people know."""


def note_launch(request: Request, parts: Parts, record: Record, host: str, *, ready: bool) -> None:
    """A server was started, or was not; `host` is where people see us."""
    provider, rest = split_path(request.scope["raw_path"], parts.prefix)
    headers = request.headers
    parts.audit.note(
        LAUNCH,
        {
            "schema": "binderhub.jupyter.org/launch",
            "version": 6,
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "provider": NAMES.get(provider) or name_of(parts.offer.kinds, provider),
            "spec": rest,
            "ref": record.commit or "",
            "status": "success" if ready else "failure",
            "build_token": "build_token" in request.query_params,
            "origin": host,
            "request_origin": headers.get("origin") or headers.get("sec-fetch-site") or "",
        },
    )
