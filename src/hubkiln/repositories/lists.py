"""Lists of packages as people have them: in a line, in files of every tool, in commands, in code.

Pure. What is found is written as pip writes it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence

from packaging.requirements import InvalidRequirement, Requirement

from hubkiln.conda_names import CONDA_ALONE, said_of
from hubkiln.errors import BadSpec
from hubkiln.repositories import commands, imports

_PROSE = re.compile(
    r"a|add|an|and|are|as|can|do|does|for|from|have|help|how|i|if|import|in|install|is|it|me|my|need|not|of|on|or"
    r"|please|run|sync|that|the|this|to|update|upgrade|use|using|want|we|what|where|which|why|will|with|you",
    re.IGNORECASE,
)
"""Words that are no packages that anybody asks for."""

_FILE = re.compile(r"\.(ipynb|py|r|jl|md|ya?ml|toml|txt|git|org|com|io|sh|whl|zip|gz)$", re.IGNORECASE)
_TOP = re.compile(r"\s(?:name|channels|prefix|variables|platforms|category)\s*:(?:\s|$)")

_GAP = re.compile(r"\s{40,}")
"""More than anybody means by a gap: whoever looks for what is behind one would do so from each of its places."""


_CONDAS_FORM = re.compile(
    r"(?:^|\s)dependencies:\s+-\s|^# packages in environment at "
    r"|^\s*(?:[$>]\s*)?(?:sudo\s+)?(?:conda|mamba|micromamba)\s",
    re.MULTILINE,
)
_CONDAS_LINE = re.compile(r"[\w./-]+::[\w.-]\S*|[\w.-]+=[\w.!+]+=[\w.*]+")
"""``channel::name`` and ``name=version=build``."""


def in_line(text: str) -> list[str] | None:
    """The packages of a line that names nothing else; None where it may be something else."""
    text = _GAP.sub(" ", text)
    if re.fullmatch(r"""(?:(["'])[^"']+\1[\s,]*){2,}""", text):
        text = re.sub("[\"']", "", text)
    if re.search(r",\s*[\w.-]", text):
        text = re.sub(r",?\s(?:and|und|et|&)\s(?=\s*\S+$)", ", ", text)
    if re.search(r"\s*;\s*(?:python_|platform_|sys_|os_name|extra\b)", text) and is_requirement(text):
        return [text]
    named = [word for word in re.split(r"[\s,;]+(?![<>=!~\s])", re.sub(r"\s*([<>=!~]=?)\s*", r"\1", text)) if word]
    if not named or (len(named) > 1 and any(map(_PROSE.fullmatch, named))) or any(map(_FILE.search, named[1:])):
        return None
    return named if all(map(is_requirement, named)) else None


def in_lines(text: str) -> list[str] | None:
    """The packages of several lines: of a file, of commands, of code; None where `text` is no such thing."""
    text = _GAP.sub(lambda gap: "\n" if "\n" in gap[0] else " ", text)
    readers = (_of_conda, _of_pyproject, _of_commands, _of_requirements, imports.of_code)
    return next((found for read in readers if (found := read(text))), None)


def as_written(text: str) -> str:
    """
    A list in whatever form it is, as a list in a link; what is none stays as it is.

    Raises:
        BadSpec: conda alone has something in it.
    """
    check_no_condas(text)
    is_list = "\n" not in text and commands.read(text) is None
    if is_list or (found := in_lines(text)) is None:
        words = re.split(r"[\s,]+", _without_notes(text))
        raise_condas(next(filter(_CONDAS_LINE.fullmatch, words), None))
        return text
    return ",".join(found) or text


def check_no_condas(text: str) -> None:
    """
    Raise where `text`, in a form of conda's, names what no package index has: there it could be anybody's.

    Raises:
        BadSpec.
    """
    if _CONDAS_FORM.search(text):
        names = (re.split(r"[^\w.-]", word)[0] for word in in_lines(text) or ())
        raise_condas(next(filter(CONDA_ALONE.fullmatch, names), None))


def raise_condas(package: str | None) -> None:
    """
    Raise for a `package` that is conda's; for None do nothing.

    Raises:
        BadSpec.
    """
    if package is not None:
        happened, hint = said_of(package)
        raise BadSpec(happened, hint=hint)


def in_environment(text: str) -> list[str] | None:
    """Those of an ``environment.yml``, also where its lines have become one."""
    return _of_conda(text) or None


def is_requirement(text: str) -> bool:
    """Whether `text` names one package, as pip or conda have it."""
    try:
        Requirement(text)
    except InvalidRequirement:
        return re.fullmatch(r"[\w.-]+=\d[\w.*]*", text) is not None  # conda's
    return True


def _of_conda(text: str) -> list[str]:
    """What stands behind ``dependencies:`` in an ``environment.yml``."""
    found = re.search(r"(?:^|\s)dependencies:\s+-\s", text := _without_notes(text))
    if found is None:
        return []
    listed = _TOP.split(" " + text[found.end() - 2 :])[0]
    words = [re.sub(r"\s+", "", word).strip("'\"") for word in re.split(r"\s-\s+", listed)]
    return _checked(word for word in words if not re.fullmatch(r"-.*|pip(:|[=<>].*)?", word))


def _of_pyproject(text: str) -> list[str]:
    """``dependencies`` of a ``pyproject.toml``."""
    if "dependencies" not in text:
        return []
    try:
        project = tomllib.loads(text).get("project")
    except tomllib.TOMLDecodeError:
        return []
    named = project.get("dependencies") if isinstance(project, dict) else None
    return _checked(named) if isinstance(named, list) and all(isinstance(word, str) for word in named) else []


def _of_commands(text: str) -> list[str]:
    """What several commands install; others among them are passed over."""
    lines = _lines(text)
    read = [commands.read(line) for line in lines]
    if not all(read):
        return []
    return _checked(word for one in read if one and one.kind == "packages" for word in one.words)


def _of_requirements(text: str) -> list[str]:
    """Lines of a ``requirements.txt``, of what ``pip list`` and ``conda list`` print, or of names alone."""
    found: list[str] = []
    for line in _lines(text):
        line = re.split(r"\s+--", re.sub(r"^[-*\u2022]\s+", "", line))[0].rstrip(",").strip("'\"")
        if line.startswith("-") or re.fullmatch(r"Package\s+Version.*", line):
            continue
        if installed := re.fullmatch(r"([A-Za-z][\w.-]*)\s+(\d[\w.]*)(?:\s.*)?", line):
            line = f"{installed[1]}=={installed[2]}"
        if (named := [line] if is_requirement(line) else in_line(line)) is None:
            return []
        found += named
    return [] if any(map(_PROSE.fullmatch, found)) else _checked(found)


def _checked(words: Iterable[str]) -> list[str]:
    """`words` where all are packages of the index; none where one is not."""
    found: Sequence[str] = list(dict.fromkeys(commands.pinned(word for word in words if word)))
    return [*found] if all(is_requirement(word) and "@" not in word for word in found) else []


def _lines(text: str) -> list[str]:
    """The lines of `text` that say something, those that go on joined."""
    joined = re.sub(r"\\\s*\n", " ", _without_notes(text))
    return [line.strip() for line in joined.splitlines() if line.strip()]


def _without_notes(text: str) -> str:
    return re.sub(r"(^|\s)#[^\n]*", r"\1", text)
