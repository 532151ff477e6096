"""What people type where a repository is asked for, and is none: said for what it seems to be, with the way to go.

Pure; what the command line and the spawn page say is this.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from hubkiln.errors import BadSpec
from hubkiln.repositories import commands, imports, lists

FORMS = (
    "Give a git address such as `https://host/path/repository.git`, `org/repo` for GitHub, or a DOI such as "
    "`10.5281/zenodo.3242074`."
)


_TO_TYPE = 2000
"""Letters of what a hint says to type: whole, or it would be another thing."""


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
_TYPO = re.compile(
    r"(?:https?:?/{0,2})*https?(?::/|/{1,2}|:(?!/)|:///+)(?P<rest>[\w-]+(?:\.[\w-]+)+/.+)|(?:https?://)+(?P<twice>https?://.+)"
)


_A_PYTHON = re.compile(
    r"(?:c?python|py)[-\s]?(?P<version>[23](?:\.\d{1,2}){0,2})?|(?P<alone>[23]\.\d{1,2})(?:\.\d{1,2})?", re.IGNORECASE
)
_OTHER_LANGUAGE = re.compile(
    r"(?:install\.packages|library|require|pacman::p_load|remotes::install_\w+|devtools::install_\w+|BiocManager::install)"
    r"\s*\(|(?:using|import)\s+Pkg\b|using\s+[A-Z]\w*|Pkg\.add\(|\]\s*add\s"
)


def recognised(text: str) -> BadSpec | None:
    """The error for a `text` that is surely something else than a repository; None where it may be one."""
    if (packages := imports.packages(text)) is not None:
        return _packages(packages, text) if packages else _line(text)
    if (command := commands.read(text)) is not None:
        return _command(command, text)
    if (packages := lists.in_environment(text)) is not None:
        return _packages(packages, text)
    if found := re.fullmatch(r"(?:FROM|image:)\s+(\S+)", text):
        text = found[1]
    if re.fullmatch(r"(?:mailto:)?[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[^@<>]*<[\w.+-]+@[\w.-]+>", text):
        return BadSpec(f"`{shown(text)}` is an e-mail address, not a repository.", hint=FORMS)
    if re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        return BadSpec(f"`{text}` is the digest of an image.", hint="Write it behind its image's name.")
    if _IMAGE.fullmatch(text):
        return _image(re.sub(r"^(?:docker://|oci:|docker-daemon:)", "", text))
    if (found := _TYPO.fullmatch(text)) and not re.match(r"https?://(?!https?[:/])", text):
        right = found["twice"] or f"https://{found['rest']}"
        return BadSpec(f"`{shown(text)}` is not quite an address.", hint=f"Write it as `{shown(right, _TO_TYPE)}`.")
    if found := _A_PYTHON.fullmatch(text):
        return _python(text, found["version"] or found["alone"] or "")
    if _OTHER_LANGUAGE.match(text):
        return BadSpec(
            f"`{shown(text)}` is a line of R or Julia, not a repository.",
            hint=f"Packages of R go into `install.R` of a repository, those of Julia into `Project.toml`. {FORMS}",
        )
    if re.fullmatch(r"[0-9a-f]{32}", text):
        return BadSpec(
            f"`{text}` is perhaps the number of a gist.", hint=f"Then write `https://gist.github.com/{text}`. {FORMS}"
        )
    if re.fullmatch(r"[0-9a-f]{40}", text):
        return BadSpec(f"`{text}` is a commit, not a repository.", hint=f"Name its repository, with it beside. {FORMS}")
    return _page(text) or (_list(text) if not re.search(r"[/\\:@]", text) else None)


def several(text: str) -> str:
    """
    What several lines are about, in one.

    Raises:
        BadSpec: they are none of an address; Mistaken: they list packages.
    """
    lists.check_no_condas(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if (command := commands.read(line)) is not None and command.kind == "clone":
            return line
    if (packages := lists.in_lines(text)) is not None:
        raise _packages(packages, " ".join(lines))
    addresses: set[str] = {*re.findall(r"https?://[^\s\"'<>]+", text)}
    if len(lines) == 1 or re.search(r":target:|<a |\]\(", text):
        return " ".join(lines)
    if len(addresses) == 1:
        return addresses.pop()
    raise BadSpec("Those lines name neither one repository nor packages.", hint=FORMS)


def of_file(text: str) -> BadSpec | None:
    """The error for what is in a file that a repository may have; None for anything else."""
    if re.match(r"FROM\s+\S+\s(?:.*\s)?(?:RUN|COPY|ADD|ENV|ARG|USER|WORKDIR|CMD|ENTRYPOINT)\s", text, re.DOTALL):
        return BadSpec(
            "Those are the lines of a Dockerfile, not an address.",
            hint=f"They go into a file `Dockerfile` of a repository. {FORMS}",
        )
    if re.match(r"\{.*\"(?:nbformat|cell_type)\"\s*:", text, re.DOTALL):
        return BadSpec(
            "That is what is in a notebook, not an address.",
            hint=f"Start an environment and upload the notebook there, or put it into a repository. {FORMS}",
        )
    return None


def _command(command: commands.Command, text: str) -> BadSpec:
    """What to say of a command: the thing that it names, where it names one."""
    if command.kind == "source" and command.words:
        return _alone(text, command.words[0], command.ref)
    if command.kind == "image" and command.words:
        return _image(command.words[0])
    if command.kind == "packages" and (named := [word for word in command.words if lists.is_requirement(word)]):
        return _packages(named, text)
    if command.kind == "system":
        return BadSpec(
            f"`{shown(text)}` installs packages of the system.",
            hint=f"They go into a file `apt.txt` of the repository, one on each line. {FORMS}",
        )
    return BadSpec(f"`{shown(text)}` is a command, not a repository.", hint=FORMS)


def _alone(text: str, address: str, ref: str) -> BadSpec:
    beside = f", with `{shown(ref)}` as the branch beside it" if ref else ""
    return BadSpec(
        f"`{shown(text)}` is a command, not an address.",
        hint=f"Give its address alone: `{shown(address, _TO_TYPE)}`{beside}.",
    )


def _python(text: str, version: str) -> BadSpec:
    minor = ".".join(version.split(".")[:2]) if "." in version else "3.12"
    return Mistaken.for_(
        "packages",
        f"inline/python={minor}",
        f"`{shown(text)}` is a version of Python, not a repository.",
        hint=f"For an environment with it and Jupyter write `inline/python={minor}`.",
    )


def _line(text: str) -> BadSpec:
    return BadSpec(f"`{shown(text)}` needs no package: it is Python's own.", hint=FORMS)


def explain(text: str) -> BadSpec:
    """The error for a `text` that names no repository."""
    if (told := recognised(text)) is not None:
        return told
    if re.fullmatch(r"10\.\d+.*|doi:.*", text, re.IGNORECASE):
        return BadSpec(f"`{shown(text)}` is not a whole DOI.", hint="It looks like `10.5281/zenodo.3242074`.")
    if re.fullmatch(r"[A-Za-z]:[\\/].*|.*\\.*", text):
        return BadSpec(f"`{shown(text)}` is a folder of your own computer.", hint=f"It cannot be seen here. {FORMS}")
    if found := re.fullmatch(r"([\w.-]+)\s*/\s*([\w.-]+)", text):
        right = f"{found[1]}/{found[2]}"
        hint = f"Write `{right}`." if right != text else f"Its letters are none that GitHub has in names. {FORMS}"
        return BadSpec(f"`{shown(text)}` does not name a repository.", hint=hint)
    if found := re.fullmatch(r"@?([\w.-]+/[\w.-]+)(?:[@#/](\S+))?|([\w.-]+/[\w.-]+) .*", text):
        beside = f", with `{shown(found[2])}` as the branch beside it" if found[2] else " alone"
        return BadSpec(f"`{shown(text)}` does not name a repository.", hint=f"Write `{found[1] or found[3]}`{beside}.")
    if re.search(r"\.(ipynb|py|md|ya?ml|toml|txt)$", text):
        return BadSpec(f"`{shown(text)}` is the name of a file.", hint=f"Name the repository that it is in. {FORMS}")
    return BadSpec(f"`{shown(text)}` does not name a repository.", hint=FORMS)


def _image(name: str) -> BadSpec:
    return Mistaken.for_(
        "image",
        name,
        f"`{shown(name)}` is the name of an image, not of a repository.",
        hint="Type it where the spawn page asks for an image, or run it: "
        f"`hubkiln run --image {shown(name, _TO_TYPE)}`.",
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
    if host == "github.com" and "container" in parts and {"packages", "pkgs"} & {*parts[:3]}:
        owner = parts[1] if parts[0] in ("orgs", "users") else parts[0]
        return _image(f"ghcr.io/{owner.lower()}/{unquote(parts[-1])}")
    if host == "quay.io" and len(parts) > 2 and parts[0] == "repository":
        return _image(f"quay.io/{parts[1]}/{parts[2]}")
    return None


def _list(text: str) -> BadSpec | None:
    """Packages, with versions or several of them; one name alone may be a repository whose owner is missing."""
    if (named := lists.in_line(text)) is None:
        return None
    if len(named) == 1 and re.fullmatch(r"[\w.-]+", named[0]):
        if re.search(r"\.(ipynb|py|md|ya?ml|toml|txt|git|org|com|io)$", named[0]):
            return None
        return BadSpec(
            f"`{shown(text)}` is not the whole name of a repository: it has no owner.",
            hint=f"Write `owner/{named[0]}` for GitHub; for the package of that name `inline/{named[0]}`.",
        )
    return _packages(named, text)


def _packages(named: list[str], text: str) -> BadSpec:
    lists.check_no_condas(text)
    packages = ",".join(word for word in named if lists.is_requirement(word))
    if not packages:
        return BadSpec(f"`{shown(text)}` is a command, not a repository.", hint=FORMS)
    one = len(named) == 1
    return Mistaken.for_(
        "packages",
        f"inline/{quote(packages, safe=',')}",
        f"`{shown(text)}` names {'a package' if one else 'packages'}, not a repository.",
        hint=f"For an environment with {'it' if one else 'them'} write `inline/{shown(packages, _TO_TYPE)}`.",
    )


def shown(text: str, most: int = 80) -> str:
    """
    `text` for a message: letters of any script, nothing that turns what is around it, no password; of `most` letters,
    and it is seen where some are missing.
    """
    text = re.sub(r"(https?://)[^/@\s]+@", r"\1", text)
    text = "".join(one if one.isprintable() and one != "`" else " " for one in text)
    return text if len(text) <= most else f"{text[:most]}…"
