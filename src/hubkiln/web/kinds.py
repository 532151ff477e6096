"""How repositories of each provider are written, for whoever draws a form or reads a link."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from hubkiln.repositories import Kind, Source, provider_path
from hubkiln.values import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How repositories of one provider are written."""

    id: str
    name: str
    validate: str
    """What follows ``/v2/<id>/``."""
    label: str
    placeholder: str
    detect: str = ""
    """Addresses of pages that mean one, with a group ``repo``."""
    encode: bool = False
    """Whether links encode the repository as one segment."""
    ref: str | None = "HEAD"
    """The usual ref; None where there are none."""
    home: str = ""
    """What a repository's name becomes its address behind."""
    commits: str = ""
    """What stands between that address and a commit."""
    host: str = ""
    """Where all its repositories lie; empty where each says so itself, or must be looked up."""


_DOI = r"^(https?://(dx\.)?doi\.org/|doi:)?(?<repo>10\.\d+/.*[^/])/?$"
"""Of any host: a front end builds nothing that its provider's expression does not find."""

KINDS: tuple[Written, ...] = (
    Written(
        id="gh",
        name="GitHub",
        validate=r"[^/]+/[^/]+/.+",
        label="GitHub repository name or URL",
        placeholder="example: binder-examples/requirements or https://github.com/binder-examples/requirements",
        detect=r"^(https?://github.com/)?(?<repo>[^/]+/[^/]+)/?$",
        home="https://github.com/",
        commits="/tree/",
    ),
    Written(
        id="gist",
        name="Gist",
        validate=r"[^/]+/[0-9a-fA-F]+(/.+)?",
        label="Gist ID (username/gistId) or URL",
        placeholder="example: ada/0123456789abcdef or https://gist.github.com/ada/0123456789abcdef",
        detect=r"^(https?://gist.github.com/)?(?<repo>[^/]+/[0-9a-fA-F]+)/?$",
        home="https://gist.github.com/",
        commits="/",
    ),
    Written(
        id="git",
        name="Git repository",
        validate=r"[^/]+/.+",
        label="Arbitrary git repository URL (http://git.example.com/repo)",
        placeholder="example: https://git.example.com/org/repo.git",
        encode=True,
    ),
    Written(
        id="gl",
        name="GitLab",
        validate=r"[^/]+/.+",
        label="GitLab repository name or URL",
        placeholder="example: https://gitlab.com/group/project or group/project",
        detect=r"^(https?://gitlab.com/)?(?<repo>[^/]+(/[^/]+)+)/?$",
        home="https://gitlab.com/",
        commits="/-/tree/",
        encode=True,
    ),
    Written(
        id="codeberg",
        name="Codeberg",
        validate=r"[^/]+/[^/]+/.+",
        label="Codeberg repository name or URL",
        placeholder="example: org/repo or https://codeberg.org/org/repo",
        detect=r"^(https?://codeberg.org/)?(?<repo>[^/]+/[^/]+)/?$",
        home="https://codeberg.org/",
        commits="/src/commit/",
    ),
    Written(
        id="bitbucket",
        name="Bitbucket",
        validate=r"[^/]+/[^/]+/.+",
        label="Bitbucket repository name or URL",
        placeholder="example: workspace/repo or https://bitbucket.org/workspace/repo",
        detect=r"^(https?://bitbucket.org/)?(?<repo>[^/]+/[^/]+)/?$",
        home="https://bitbucket.org/",
        commits="/src/",
    ),
    Written(
        id="zenodo",
        name="Zenodo DOI",
        validate=r"10\.\d+/(.)+",
        label="Zenodo DOI",
        placeholder="example: 10.5281/zenodo.3242074",
        detect=_DOI,
        ref=None,
        home="https://doi.org/",
    ),
    Written(
        id="figshare",
        name="Figshare DOI",
        validate=r"10\.\d+/(.)+",
        label="Figshare DOI",
        placeholder="example: 10.6084/m9.figshare.9782777.v1",
        detect=_DOI,
        ref=None,
        home="https://doi.org/",
    ),
    Written(
        id="dataverse",
        name="Dataverse DOI",
        validate=r"10\.\d+/(.)+",
        label="Dataverse DOI",
        placeholder="example: 10.7910/DVN/TJCLKP",
        detect=_DOI,
        ref=None,
        home="https://doi.org/",
    ),
    Written(
        id="hydroshare",
        name="HydroShare resource",
        validate=r"[^/]+",
        label="HydroShare resource id or URL",
        placeholder="example: 8f7c2f0341ef4180b0dbe97f59130756 or its URL",
        detect=r"^(https?://www.hydroshare.org/resource/)?(?<repo>[0-9a-f]{32})/?$",
        encode=True,
        ref=None,
        home="https://www.hydroshare.org/resource/",
    ),
    Written(
        id="ckan",
        name="CKAN dataset",
        validate=r"[^/]+",
        label="CKAN dataset URL",
        placeholder="example: https://demo.ckan.org/dataset/sample-dataset-1",
        encode=True,
        ref=None,
    ),
    Written(
        id="swh",
        name="Software Heritage",
        validate=r"swh:1:(dir|rev|rel|snp):[0-9a-f]{40}.*",
        label="Software Heritage identifier",
        placeholder="example: swh:1:rev:0123456789abcdef0123456789abcdef01234567",
        detect=r"^(https?://archive.softwareheritage.org/)?(?<repo>swh:1:(dir|rev|rel|snp):[0-9a-f]{40})",
        ref=None,
        home="https://archive.softwareheritage.org/",
    ),
)
"""Those that every installation has."""


def name_of(kinds: Sequence[Written], id: str) -> str:
    """What people call the provider `id`."""
    return next((kind.name for kind in kinds if kind.id == id), id)


def address_of_repository(kinds: Sequence[Written], spec: Spec, commit: str) -> tuple[str, str]:
    """Where people find the repository of `spec`, and `commit` in it."""
    kind = next((kind for kind in kinds if kind.id == spec.provider), None)
    if kind is None or not kind.home:
        return spec.repository, spec.repository
    address = kind.home + spec.repository
    return address, f"{address}{kind.commits}{commit}" if commit and kind.commits else address


def host_of(kinds: Sequence[Written], spec: Spec) -> str:
    """The host that the repository of `spec` lies at, as far as that is known before anybody is asked."""
    kind = next((kind for kind in kinds if kind.id == spec.provider), None)
    return (kind.host if kind else "") or urlsplit(spec.repository).hostname or ""


def link_path(kinds: Sequence[Written], spec: Spec) -> str:
    """`spec` as in links, without its folder; an admin's own sources too."""
    kind = next((kind for kind in kinds if kind.id == spec.provider), None)
    if kind is None:
        return provider_path(spec)
    repository = quote(spec.repository, safe="") if kind.encode else spec.repository
    return f"{spec.provider}/{repository}" + (f"/{quote(spec.ref, safe='/')}" if kind.ref else "")


def written(sources: Sequence[tuple[Source, Kind]]) -> tuple[Written, ...]:
    """How repositories of these are written: those known above in their own words, others by their kind's example."""
    usual = {kind.id: kind for kind in KINDS}
    return tuple(
        replace(
            _written(source, kind, usual.get(source.name)),
            host="" if source.kind == "doi" else urlsplit(source.address).hostname or "",
        )
        for source, kind in sources
    )


def _written(source: Source, kind: Kind, usual: Written | None) -> Written:
    home = f"{source.address}/" if source.address else ""
    if usual is not None:
        if not kind.refs:  # its name is the same wherever it is kept
            return usual
        moved = bool(home) and home != usual.home
        detect = usual.detect.replace(usual.home.split("://")[-1], re.escape(home.split("://")[-1])) if moved else ""
        return replace(usual, home=home, detect=detect or usual.detect)
    return Written(
        id=source.name,
        name=kind.title if source.name == source.kind else f"{kind.title} ({source.name})",
        validate=".+",
        label=f"{kind.title}: repository or address",
        placeholder=f"example: {kind.example}",
        encode=kind.one_segment,
        ref="HEAD" if kind.refs else None,
    )
