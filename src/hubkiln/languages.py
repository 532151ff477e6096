"""Pages in their reader's language: a catalogue for each, in ``hub/words/``, and what an admin adds to them.

English stands in the code, which is what the catalogues' sentences are found by. The front end gets the sentences of
one language as scripts, which the hub serves (:mod:`hubkiln.hub.words_script`); what the hub and the service write
themselves is said by :meth:`Language.say`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from hubkiln.errors import BadSpec

WORDS = Path(__file__).parent / "hub" / "words"
"""Our catalogues, ``<language tag>.json``."""

ENGLISH = "en"
PARTS = ("page", "hub", "service", "others", "codes")
"""
Of a catalogue: the front end's words, the hub's, the service's sentences, those of them that users do not meet in the
page (admins do, and whoever comes by a launch page), what its errors' codes mean.
"""

SCRIPTS = ("page", "service", "others")
"""
Scripts of the front end's words: its own, which it waits for; the service's sentences, which come behind it; and the
others, which only admins get.
"""

ADVICE = "advice"
"""The place of a whole sentence, which is looked for in turn."""

LONGEST_TOLD = 1000
"""Letters of a sentence that is looked for among those in which something varies; what is longer stays English."""

_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PLACE = re.compile(r"\{(\w+)\}")
_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z`])")
"""Between two of them."""


@dataclass(frozen=True)
class Language:
    """The words of one language."""

    tag: str
    """As browsers name it: ``de``, ``pt-BR``."""

    words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By part of the catalogue, then by the English; a sentence, or sentences by plural form."""

    def say(self, text: str, **values: str) -> str:
        """`text` in this language, with `values` in the place of the names between braces."""
        found = str(self.words.get("hub", {}).get(text, text))
        return _filled(found, values)

    def told(self, text: str) -> str:
        """
        What the service says as :mod:`hubkiln.errors` has it, whatever stands in the place of what varies.

        Of several sentences, all or none are in this language.
        """
        if len(text) > LONGEST_TOLD:
            return text
        sentences = _SENTENCES.split(text)
        each = [self._sentence(sentence) for sentence in sentences] if len(sentences) > 1 else []
        several = " ".join(sentence for sentence in each if sentence is not None) if each and None not in each else None
        return several or self._sentence(text) or text

    def _sentence(self, text: str) -> str | None:
        """One sentence, None if there are no words for it."""
        if text in self._told:
            return str(self._told[text])
        for pattern, names, translated in self._patterns:
            if match := pattern.fullmatch(text):
                found = dict(zip(names, match.groups(), strict=True))
                return _filled(translated, found | {ADVICE: self.told(found[ADVICE])} if ADVICE in found else found)
        return None

    @cached_property
    def _told(self) -> Mapping[str, Any]:
        """The service's sentences, whoever meets them."""
        return {**self.words.get("service", {}), **self.words.get("others", {})}

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], list[str], str]]:
        """The sentences in which something varies, those first that say most of what is meant."""
        varied = [entry for entry in self._told.items() if "{" in entry[0]]
        varied.sort(key=lambda entry: -len(_PLACE.sub("", entry[0])))
        return [(_pattern(english), _PLACE.findall(english), str(translated)) for english, translated in varied]

    @cached_property
    def scripts(self) -> Mapping[str, bytes]:
        """
        What tells the front end its words, by :data:`SCRIPTS`; none where its own, which are English, are meant.

        `page` goes before the front end's own script; the rest behind it, which draws again what it has shown.
        """
        told = {part: self.words.get(part, {}) for part in PARTS if part != "hub"}
        if self.tag == ENGLISH and not any(told.values()):
            return {}
        others, come = told.pop("others"), 'dispatchEvent(new Event("hubkiln-words"));'
        page = f"{_WORDS}={_json({'language': self.tag, **told, 'service': {}})};"
        scripts = {
            "page": page,
            "service": f"{_WORDS}.service={_together(told['service'])};{come}",
            "others": f"{_WORDS}.service={{...{_WORDS}.service,...{_together(others)}}};{come}",
        }
        return {name: f"{text}\n".encode() for name, text in scripts.items()}

    @cached_property
    def version(self) -> str:
        """Changes with the scripts."""
        return hashlib.sha256(b"".join(self.scripts.values())).hexdigest()[:12]

    def addresses(self, static: str) -> list[str]:
        """Where the scripts are, in the order of :data:`SCRIPTS`, given where the front end's files are."""
        return [f"{static.removesuffix('static')}words/{self.tag}/{name}.js?v={self.version}" for name in self.scripts]


@dataclass(frozen=True)
class Languages:
    """Those that the page can be read in."""

    known: Mapping[str, Language]
    fixed: str = ""
    """The one that everybody gets; empty to go by each browser."""

    @classmethod
    def read(cls, fixed: str = "", folder: Path | None = None) -> Languages:
        """
        Ours and those of an admin's `folder`, whose sentences win.

        Raises:
            BadSpec: a file there is no catalogue, or `fixed` is no language that is there.
        """
        found = dict(_ours())
        english = found.pop(ENGLISH)
        found[ENGLISH] = {}  # it stands in the code
        for path in sorted(folder.glob("*.json")) if folder else ():
            own = _checked(path, english)
            before = found.get(path.stem, {})
            found[path.stem] = {part: {**before.get(part, {}), **own.get(part, {})} for part in PARTS}
        if fixed and fixed not in found:
            raise BadSpec(f"language is {fixed!r}, which has no words.", hint=f"There are {', '.join(sorted(found))}.")
        return cls({tag: Language(tag, words) for tag, words in found.items()}, fixed)

    def asked(self, handler: Any) -> Language:
        """The language for whoever sent the request that `handler` answers, None for nobody's."""
        headers = getattr(getattr(handler, "request", None), "headers", {})
        return self.accepted(headers.get("Accept-Language", ""))

    def accepted(self, header: str) -> Language:
        """The language for whoever sends this ``Accept-Language``."""
        return self.known[self.fixed or preferred(header, self.known)]


def preferred(header: str, known: Mapping[str, object]) -> str:
    """The first of the languages of an ``Accept-Language`` that is `known`; English where none is."""
    ranked = []
    for place, part in enumerate(header.split(",")[:50]):
        tag, _, rest = part.strip().partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", rest)
        quality = float(weight[1]) if weight else 1.0
        if quality > 0:
            ranked.append((-quality, place, tag.strip()))
    by_name = {tag.lower(): tag for tag in known}
    for _, _, tag in sorted(ranked):
        parts = tag.lower().split("-")
        for length in range(len(parts), 0, -1):
            if (name := by_name.get("-".join(parts[:length]))) is not None:
                return name
    return ENGLISH


@cache
def _ours() -> Mapping[str, dict[str, Any]]:
    """Our catalogues by language, which are the same for as long as we run."""
    return {path.stem: _read(path) for path in sorted(WORDS.glob("*.json"))}


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadSpec(f"The words in {path} cannot be read: {error}.", hint="Write them as JSON in UTF-8.") from error
    if not isinstance(value, dict) or not all(isinstance(value.get(part, {}), dict) for part in PARTS):
        raise BadSpec(f"{path} is no catalogue of words.", hint=f"Begin with a copy of {WORDS / 'en.json'}.")
    return value


def _checked(path: Path, english: Mapping[str, Any]) -> dict[str, Any]:
    """An admin's catalogue, each of whose sentences keeps the places of ours; what we do not know is left out."""
    if not _TAG.fullmatch(path.stem):
        raise BadSpec(f"{path.name} names no language.", hint="Call it after the language's tag, such as nl.json.")
    found: dict[str, Any] = {}
    own = _read(path)
    said = {**own.get("service", {}), **own.get("others", {})}  # who meets a sentence, our catalogue knows
    for part, sentences in (own | {"service": said, "others": said}).items():
        if part not in PARTS:
            continue
        known = {key: value for key, value in sentences.items() if key in english[part]}
        for key, value in known.items():
            forms = value.values() if isinstance(value, dict) else [value]
            if not all(isinstance(form, str) and places(form) <= places(key) for form in forms):
                raise BadSpec(f"{path}: what is put in the place of “{key}” has other names between braces.")
        found[part] = known
    return found


_WORDS = "globalThis.hubkilnWords"
"""Where the front end's script looks for its words."""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _together(sentences: Mapping[str, Any]) -> str:
    """An object of `sentences`: the English and the translations stand apart, which compresses better."""
    joined = "((k,v)=>Object.fromEntries(k.map((one,n)=>[one,v[n]])))"
    return f"{joined}({_json([*sentences])},{_json([*sentences.values()])})"


def _pattern(english: str) -> re.Pattern[str]:
    fixed = _PLACE.split(english)[::2]
    return re.compile("(.*?)".join(map(re.escape, fixed)), re.DOTALL)


def _filled(sentence: str, values: Mapping[str, str]) -> str:
    """`sentence` with `values` in the place of the names between braces; what is no such name stays."""
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), sentence)


def places(text: str) -> set[str]:
    """The names between braces in `text`."""
    return set(_PLACE.findall(text))
