"""What people type where a repository is asked for, and is none: said for what it seems to be, with the way to go.

Pure; what the command line and the spawn page say is this.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from hubkiln.errors import BadSpec

FORMS = (
    "Give a git address such as `https://host/path/repository.git`, `org/repo` for GitHub, or a DOI such as "
    "`10.5281/zenodo.3242074`."
)


class Mistaken(BadSpec):
    """A text that names something else than a repository."""

    kind: Literal["image", "packages"] = "image"
    value: str = ""
    """What to type where that is asked for."""

    @classmethod
    def for_(cls, kind: Literal["image", "packages"], value: str, message: str, hint: str) -> Mistaken:
        """An error that knows what `value` is."""
        error = cls(message, hint=hint)
        error.kind, error.value = kind, value
        return error


_REGISTRIES = (
    r"docker\.io|(?:registry-1|index|hub)\.docker\.(?:com|io)|quay\.io|ghcr\.io|gcr\.io|[\w-]+\.gcr\.io|[\w-]+-docker\.pkg\.dev"
    r"|mcr\.microsoft\.com|public\.ecr\.aws|\d+\.dkr\.ecr\.[\w-]+\.amazonaws\.com|[\w-]+\.azurecr\.io|registry\.[\w.-]+"
    r"|nvcr\.io|registry\.k8s\.io|localhost:\d+|[\w-]+(?:\.[\w-]+)*:\d+"
)
_NAME = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
_TAG = r":[\w][\w.-]{0,127}"
_DIGEST = r"@sha256:[0-9a-f]{64}"
_IMAGE = re.compile(
    rf"(?:docker://|oci:|docker-daemon:)?(?:"
    rf"(?:{_REGISTRIES})/{_NAME}(?:/{_NAME})*(?:{_TAG})?(?:{_DIGEST})?"
    rf"|{_NAME}(?:/{_NAME})*(?:{_TAG}(?:{_DIGEST})?|{_DIGEST})"
    rf"|jupyter/(?:base|minimal|scipy|r|julia|datascience|tensorflow|pytorch|pyspark|all-spark)-notebook)"
)
_INSTALLING = re.compile(
    r"(?:[!%]|sudo )?\s*(?:python3? -m )?(?:pip3?|conda|mamba|micromamba|uv|uv pip|poetry|pixi)"
    r"\s+(?:install|add)\s+(.+)"
)
_CLONING = re.compile(r"[!%$]?\s*git clone\s+(?:-\S+\s+)*(\S+).*")
_RUNNING = re.compile(r"(?:docker|podman)\s+(?:run|pull)\s+(?:-\S+\s+)*(\S+).*")
_OPTION = re.compile(r"(?:^|\s)-{1,2}\S+(?:\s+(?:conda-forge|defaults|bioconda))?")


def recognised(text: str) -> BadSpec | None:
    """The error for a `text` that is surely something else than a repository; None where it may be one."""
    if (found := _CLONING.fullmatch(text)) or (found := re.fullmatch(r"git\+(\w+://\S+?)(?:@[^@/\s]+)?(?:#.*)?", text)):
        return BadSpec(f"`{_shown(text)}` is a command, not an address.", hint=f"Give its address alone: `{found[1]}`.")
    if found := _RUNNING.fullmatch(text):
        return _image(found[1])
    if _IMAGE.fullmatch(text):
        return _image(re.sub(r"^(?:docker://|oci:|docker-daemon:)", "", text))
    if found := _INSTALLING.fullmatch(text):
        return _packages(_OPTION.sub("", found[1]).split(), text)
    return _page(text) or (_list(text) if not re.search(r"[/\\:@]", text) else None)


def explain(text: str) -> BadSpec:
    """The error for a `text` that names no repository."""
    if (told := recognised(text)) is not None:
        return told
    if re.fullmatch(r"10\.\d+.*|doi:.*", text, re.IGNORECASE):
        return BadSpec(f"`{_shown(text)}` is not a whole DOI.", hint="It looks like `10.5281/zenodo.3242074`.")
    if re.fullmatch(r"[A-Za-z]:\\.*|.*\\.*", text):
        return BadSpec(f"`{_shown(text)}` is a folder of your own computer.", hint=f"It cannot be seen here. {FORMS}")
    if re.search(r"\.(ipynb|py|md|ya?ml|toml|txt)$", text):
        return BadSpec(f"`{_shown(text)}` is the name of a file.", hint=f"Name the repository that it is in. {FORMS}")
    return BadSpec(f"`{_shown(text)}` does not name a repository.", hint=FORMS)


def _image(name: str) -> BadSpec:
    return Mistaken.for_(
        "image",
        name,
        f"`{_shown(name)}` is the name of an image, not of a repository.",
        hint=f"Type it where the spawn page asks for an image, or run it: `hubkiln run --image {_shown(name)}`.",
    )


def _page(text: str) -> BadSpec | None:
    """Pages that show packages or images, not repositories."""
    if not re.match(r"https?://", text, re.IGNORECASE):
        return None
    try:
        page = urlsplit(text)
        host, parts = (page.hostname or "").removeprefix("www."), [part for part in page.path.split("/") if part]
    except ValueError:
        return None
    if host in ("pypi.org", "test.pypi.org") and len(parts) > 1 and parts[0] == "project":
        return _packages([parts[1]], text)
    if host in ("anaconda.org", "conda-forge.org") and len(parts) > 1:
        return _packages([parts[1]], text)
    if host == "hub.docker.com" and len(parts) > 1 and parts[0] in ("r", "_", "layers"):
        return _image("/".join(parts[1:3] if parts[0] == "r" else parts[1:2]))
    if host == "quay.io" and len(parts) > 2 and parts[0] == "repository":
        return _image(f"quay.io/{parts[1]}/{parts[2]}")
    return None


def _list(text: str) -> BadSpec | None:
    """Packages, with versions or several of them; one name alone may be a repository whose owner is missing."""
    named = [word for word in re.split(r"[\s,;]+(?![<>=!~\s])", re.sub(r"\s*([<>=!~]=?)\s*", r"\1", text)) if word]
    if not named or not all(_is_requirement(word) for word in named):
        return None
    if len(named) == 1 and re.fullmatch(r"[\w.-]+", named[0]):
        if re.search(r"\.(ipynb|py|md|ya?ml|toml|txt|git|org|com|io)$", named[0]):
            return None
        return BadSpec(
            f"`{_shown(text)}` is not the whole name of a repository: it has no owner.",
            hint=f"Write `owner/{named[0]}` for GitHub; for the package of that name `inline/{named[0]}`.",
        )
    return _packages(named, text)


def _packages(named: list[str], text: str) -> BadSpec:
    packages = ",".join(word for word in named if _is_requirement(word))
    if not packages:
        return BadSpec(f"`{_shown(text)}` is a command, not a repository.", hint=FORMS)
    one = len(named) == 1
    return Mistaken.for_(
        "packages",
        f"inline/{quote(packages, safe=',')}",
        f"`{_shown(text)}` names {'a package' if one else 'packages'}, not a repository.",
        hint=f"For an environment with {'it' if one else 'them'} write `inline/{_shown(packages)}`.",
    )


def _is_requirement(text: str) -> bool:
    try:
        Requirement(text)
    except InvalidRequirement:
        return re.fullmatch(r"[\w.-]+=\d[\w.*]*", text) is not None  # conda's
    return True


def _shown(text: str) -> str:
    return ascii(text)[1:-1][:80]
