"""What people type where a repository is asked for, and is none: said for what it seems to be, with the way to go.

Pure; what the command line and the spawn page say is this.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from hubkiln.errors import BadSpec
from hubkiln.repositories import commands, imports

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
_WRAPPED = (
    ("<", ">"),
    ('"', '"'),
    ("'", "'"),
    ("`", "`"),
    ("(", ")"),
    ("[", "]"),
    ("\u201c", "\u201d"),
    ("\u2018", "\u2019"),
)
_AFTER = ".,;:!>\"'`\u2026\u201d\u2019"
_UNSEEN = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_TYPO = re.compile(
    r"(?:https?:?/{0,2})*https?(?::/|/{1,2}|:(?!/)|:///+)(?P<rest>[\w-]+(?:\.[\w-]+)+/.+)|(?:https?://)+(?P<twice>https?://.+)"
)


def undecorated(text: str) -> str:
    """`text` without what stands around an address in a sentence, a README or a mail."""
    text = _UNSEEN.sub("", text).strip()
    if links := re.findall(r"\]\(\s*<?([^\s()<>]+)>?(?:\s+\"[^\"]*\")?\s*\)", text):
        return str(links[-1])
    for before, after in _WRAPPED:
        if len(text) > 2 and text.startswith(before) and text.endswith(after) and before not in text[1:-1]:
            text = text[1:-1].strip()
    if re.match(r"https?://", text, re.IGNORECASE):
        text = text.rstrip(_AFTER + (")" if "(" not in text else ""))
    text = re.sub(r"^DOI\s+(?=10\.)", "", text, flags=re.IGNORECASE)
    if match := re.fullmatch(r"(github|gh|gitlab|gl|gist|bitbucket|codeberg|zenodo):(?!/)(\S+/\S+)", text):
        return f"{_SHORT.get(match[1], match[1])}/{match[2]}"
    if match := re.fullmatch(r"([\w.-]+/[\w.-]+)/", text):
        return match[1]
    return text


_SHORT = {"github": "gh", "gitlab": "gl"}


def within(text: str) -> tuple[str, str] | None:
    """The repository (and the branch, or "") that `text` is written around: ``git clone -b dev ADDRESS``, pip's way."""
    if found := re.fullmatch(r"git\+(\w+://\S+?)(?:@([^@/\s#]+))?(?:#.*)?", text):
        return found[1], found[2] or ""
    if found := re.fullmatch(r"(github\.com|gitlab\.com|bitbucket\.org):([^/\s@:]+/\S+)", text):
        return f"https://{found[1]}/{found[2]}", ""
    if found := re.fullmatch(r"([A-Za-z0-9][\w-]*/[\w.-]+)[@#]([^@#:\s]+)", text):
        return found[1], found[2]
    command = commands.read(text)
    return (command.words[0], command.ref) if command and command.kind == "clone" and command.words else None


def recognised(text: str) -> BadSpec | None:
    """The error for a `text` that is surely something else than a repository; None where it may be one."""
    if (packages := imports.packages(text)) is not None:
        return _packages(packages, text) if packages else _line(text)
    if (command := commands.read(text)) is not None:
        return _command(command, text)
    if re.match(r"(localhost|127\.0\.0\.1)(:\d+)?/(lab|tree|notebooks|hub)\b", text):
        return elsewhere(f"http://{text}")
    if _IMAGE.fullmatch(text):
        return _image(re.sub(r"^(?:docker://|oci:|docker-daemon:)", "", text))
    if (found := _TYPO.fullmatch(text)) and not re.match(r"https?://(?!https?[:/])", text):
        right = found["twice"] or f"https://{found['rest']}"
        return BadSpec(f"`{_shown(text)}` is not quite an address.", hint=f"Write it as `{_shown(right)}`.")
    if re.fullmatch(r"[0-9a-f]{40}", text):
        return BadSpec(f"`{text}` is a commit, not a repository.", hint=f"Name its repository, with it beside. {FORMS}")
    return _page(text) or (_list(text) if not re.search(r"[/\\:@]", text) else None)


def _command(command: commands.Command, text: str) -> BadSpec:
    """What to say of a command: the thing that it names, where it names one."""
    if command.kind == "source" and command.words:
        return _alone(text, command.words[0], command.ref)
    if command.kind == "image" and command.words:
        return _image(command.words[0])
    if command.kind == "packages" and (named := [word for word in command.words if _is_requirement(word)]):
        return _packages(named, text)
    if command.kind == "system":
        return BadSpec(
            f"`{_shown(text)}` installs packages of the system.",
            hint=f"They go into a file `apt.txt` of the repository, one on each line. {FORMS}",
        )
    return BadSpec(f"`{_shown(text)}` is a command, not a repository.", hint=FORMS)


def _alone(text: str, address: str, ref: str) -> BadSpec:
    beside = f", with `{_shown(ref)}` as the branch beside it" if ref else ""
    return BadSpec(
        f"`{_shown(text)}` is a command, not an address.", hint=f"Give its address alone: `{_shown(address)}`{beside}."
    )


def _line(text: str) -> BadSpec:
    return BadSpec(f"`{_shown(text)}` needs no package: it is Python's own.", hint=FORMS)


def paper(text: str) -> BadSpec | None:
    """arXiv's papers, by number, DOI or page: they name a repository at best."""
    if not re.search(r"(^|[/.])arxiv(\.org/(abs|pdf|html)/|[.:]\s*\d{4}\.)", text, re.IGNORECASE):
        return None
    return BadSpec(
        f"`{_shown(text)}` is a paper, not a repository.",
        hint=f"Look on its page for the repository with its code, and give that address. {FORMS}",
    )


def explain(text: str) -> BadSpec:
    """The error for a `text` that names no repository."""
    if (told := recognised(text)) is not None:
        return told
    if re.fullmatch(r"10\.\d+.*|doi:.*", text, re.IGNORECASE):
        return BadSpec(f"`{_shown(text)}` is not a whole DOI.", hint="It looks like `10.5281/zenodo.3242074`.")
    if re.fullmatch(r"[A-Za-z]:[\\/].*|.*\\.*", text):
        return BadSpec(f"`{_shown(text)}` is a folder of your own computer.", hint=f"It cannot be seen here. {FORMS}")
    if found := re.fullmatch(r"@?([\w.-]+/[\w.-]+)(?:[@#](\S+))?|([\w.-]+/[\w.-]+) .*", text):
        beside = f", with `{_shown(found[2])}` as the branch beside it" if found[2] else " alone"
        return BadSpec(f"`{_shown(text)}` does not name a repository.", hint=f"Write `{found[1] or found[3]}`{beside}.")
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
    if host == "pypi.org" and len(parts) == 2 and parts[0] in ("simple", "p", "pypi"):
        return _packages([parts[1]], text)
    if host == "hub.docker.com" and len(parts) > 1 and parts[0] in ("r", "_", "layers"):
        named = "/".join(parts[1:2] if parts[0] == "_" else parts[1:3])
        return _image(named.removeprefix("library/"))
    if (
        host in ("ghcr.io", "docker.io", "gcr.io", "mcr.microsoft.com", "quay.io")
        and parts[:1] != ["repository"]
        and parts
    ):
        return _image("/".join([host, *parts]))
    if host == "quay.io" and len(parts) > 2 and parts[0] == "repository":
        return _image(f"quay.io/{parts[1]}/{parts[2]}")
    return None


_KEPT = {
    "drive.google.com": "a file that somebody keeps",
    "docs.google.com": "a document that somebody keeps",
    "dropbox.com": "a file that somebody keeps",
    "onedrive.live.com": "a file that somebody keeps",
    "1drv.ms": "a file that somebody keeps",
    "kaggle.com": "a page of Kaggle",
    "osf.io": "a page of OSF",
    "sourceforge.net": "a page of SourceForge",
    "stackoverflow.com": "a question and its answers",
    "youtube.com": "a film",
}
"""Sites from which no repository can be had, and what their pages are."""


_FILE = re.compile(r"\.(ipynb|py|csv|pdf|html?|svg|png)$", re.IGNORECASE)


def elsewhere(text: str) -> BadSpec | None:
    """The error for an address that no provider knows, and that git could not fetch from: a site, a file, a server."""
    try:
        page = urlsplit(text)
    except ValueError:
        return None
    if page.scheme.lower() not in ("http", "https") or "@" in page.netloc:
        return None
    host, parts = (page.hostname or "").removeprefix("www."), [part for part in page.path.split("/") if part]
    what, hint = _KEPT.get(host), f"Put it into a repository, and give its address. {FORMS}"
    if host == "colab.research.google.com":
        what = "a notebook that somebody keeps in Google Drive"
    elif host in ("nbviewer.org", "nbviewer.jupyter.org"):
        what = "a notebook at an address of its own"
    elif host in ("localhost", "127.0.0.1") and {"lab", "tree", "notebooks", "hub", "user"} & {*parts[:1]}:
        what, hint = "the address of a server that runs", f"Give what it was started from. {FORMS}"
    elif host.endswith(".github.io"):
        owner = host.removesuffix(".github.io")
        name = parts[0] if parts and "." not in parts[0] else f"{owner}.github.io"
        what, hint = "a site that GitHub serves", f"Its repository is perhaps `{_shown(f'{owner}/{name}')}`."
    elif host == "mybinder.org" and parts[:1] != ["v2"]:
        what, hint = "a page of Binder", f"Paste a link with `/v2/` in it. {FORMS}"
    elif parts and _FILE.search(parts[-1]) and not {"blob", "raw", "src"} & {*parts}:
        what, hint = "the address of a single file", f"Give the address of the repository that it is in. {FORMS}"
    text = text.partition("?")[0]
    return BadSpec(f"`{_shown(text)}` is {what}, not a repository.", hint=hint) if what else None


def _list(text: str) -> BadSpec | None:
    """Packages, with versions or several of them; one name alone may be a repository whose owner is missing."""
    if re.fullmatch(r"""(?:(["'])[^"']+\1[\s,]*){2,}""", text):
        text = re.sub("[\"']", "", text)
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
    """`text`, harmless and short, without what may be a password."""
    return ascii(re.sub(r"(https?://)[^/@\s]+@", r"\1", text))[1:-1][:80]
