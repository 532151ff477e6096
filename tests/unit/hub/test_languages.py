"""The pages' languages: which one, and that every catalogue says all that there is to say."""

from __future__ import annotations

import ast
import gzip
import json
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub.app import JupyterHub
from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application
from traitlets.config import Config

from hubkiln.builds.rules import WORDS as FORBIDDEN
from hubkiln.errors import BadSpec, HubkilnError
from hubkiln.hub.form import Page, render
from hubkiln.hub.hooks import UNMET
from hubkiln.hub.launch_links import TEMPLATES
from hubkiln.hub.plugin import setup
from hubkiln.hub.profiles import READ, normalise, public, spoken
from hubkiln.hub.words_script import PATH, WordsScript
from hubkiln.languages import PARTS, SCRIPTS, WORDS, Languages, places, preferred
from hubkiln.up.profiles import default_profiles
from hubkiln.web.kinds import KINDS
from hubkiln.web.pages import TOLD
from hubkiln.web.pages import WORDS as LAUNCHES

SOURCE = WORDS.parents[1]
SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z`\0])")
TAGS = sorted(path.stem for path in WORDS.glob("*.json"))


@cache
def catalogue(tag: str) -> dict[str, Any]:
    """The file of a language."""
    found: dict[str, Any] = json.loads((WORDS / f"{tag}.json").read_text("utf-8"))
    return found


def forms(entry: str | dict[str, str]) -> list[str]:
    """The sentences of an entry."""
    return list(entry.values()) if isinstance(entry, dict) else [entry]


@pytest.mark.parametrize("tag", TAGS)
def test_every_language_says_everything(tag: str) -> None:
    """Each has the same entries in the same order, a sentence for each plural form, and the same places in them."""
    english, other = catalogue("en"), catalogue(tag)
    for part in PARTS:
        assert list(other[part]) == sorted(other[part]) == list(english[part])
        for key, entry in other[part].items():
            assert isinstance(entry, dict) == isinstance(english[part][key], dict), key
            for sentence in forms(entry):
                kept = places(sentence) | ({"n"} if isinstance(entry, dict) else set())  # “one” needs no figure
                assert sentence.strip() and kept == places(key if part != "codes" else ""), key
            if isinstance(entry, dict):
                assert set(entry) == {"one", "other"} | ({"many"} if tag == "fr" else set()), key


def test_the_hubs_own_sentences_are_those_of_the_catalogue() -> None:
    """Neither more nor fewer: what the code and the templates say, and nothing that they no longer do."""
    said = {
        UNMET,
        *TOLD.values(),
        *(text for texts in LAUNCHES.values() for text in texts),
        *(kind.name for kind in KINDS if re.search(" [a-z]", kind.name)),  # in words; others have names
        *read(default_profiles(2, 2**33)),
    }
    for path in [*(SOURCE / "hub").rglob("*.py"), SOURCE / "web/pages.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and "say" in (getattr(node.func, "attr", ""), getattr(node.func, "id", "")):
                said |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
    for path in (SOURCE / "hub/templates").glob("*.html"):
        said |= set(re.findall(r'say\("([^"]+)"\)', path.read_text()))
    assert said == set(catalogue("en")["hub"])


def read(entry: Any) -> set[str]:
    """The texts for people in a profile list, with names in the place of numbers."""
    if isinstance(entry, list):
        return {text for one in entry for text in read(one)}
    if not isinstance(entry, dict):
        return set()
    texts = {re.sub(r"(\d+)( CPUs?), (\d+)", r"{a}\2, {b}", entry[key]) for key in READ if key in entry}
    return texts | {text for one in entry.values() for text in read(one)}


@cache
def written(without: tuple[str, ...] = ()) -> dict[str, re.Pattern[str]]:
    """Each sentence that the code `without` some modules writes, with anything in the place of what varies."""
    texts = {f"{lead}{rest}" for lead in FORBIDDEN.values() for rest in (".", ": \0")}
    for path in {*SOURCE.rglob("*.py")} - {SOURCE / name for name in without}:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values]
                texts.add("".join(parts) if sum(len(part) for part in parts if part != "\0") > 6 else "")
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                texts.add(node.value)
    sentences = {one.strip() for text in texts for one in (text, *SENTENCES.split(text))}
    return {one: re.compile(re.escape(one).replace("\0", "[^.]*?")) for one in sentences - {"", "\0", EXPLAINED}}


EXPLAINED = "\0 failed: \0."
"""Ends with what stands elsewhere in the code."""


def is_written(sentence: str) -> bool:
    """Whether the code writes `sentence`, in which x is whatever varies."""
    if sentence in written():
        return True
    varied = ((max(text.split("\0"), key=len), found) for text, found in written().items() if "\0" in text)
    return any(fixed in sentence and found.fullmatch(sentence) for fixed, found in varied)


@pytest.mark.slow
def test_the_services_sentences_are_ones_that_it_says() -> None:
    """A translation of a sentence that nobody writes any more is found here."""
    for entry in (*catalogue("en")["service"], *catalogue("en")["others"]):
        for sentence in SENTENCES.split(re.sub(r"\{\w+\}", "x", entry)):
            happened = re.sub("^(?:x failed|`x`(?:, line x)?): ", "", sentence).rstrip(".")
            assert any(map(is_written, (sentence, happened, f"{happened}."))), entry


MET_BY_OTHERS = (
    *("builds/occasions.py", "builds/rules.py", "builds/schedules.py", "web/storage_report.py"),  # admins
    *("hub/foreign.py", "hub/links.py", "launches/jupyterhub.py", "web/launching.py"),  # launches, other systems
    *(
        "web/arrivals.py",
        "web/login.py",
        "web/pages.py",
        "web/telling.py",
        "builds/notices.py",
    ),  # launch pages, clients
)
"""Modules whose sentences users do not meet in the page, but for what a rule says."""


@pytest.mark.slow
def test_sentences_for_others_are_none_that_users_meet_too() -> None:
    """The page of a user does not get them: nothing but what admins, launch pages and clients meet says one."""
    for entry in catalogue("en")["others"]:
        assert entry not in catalogue("en")["service"]
        for sentence in SENTENCES.split(re.sub(r"\{\w+\}", "\0", entry)):
            assert sentence not in written(MET_BY_OTHERS), entry


@pytest.mark.parametrize("tag", ["de", "fr"])
def test_whatever_stands_in_the_place_of_what_varies_is_told(tag: str) -> None:
    """In the words of that very sentence: no other one, of which more varies, is taken for it."""
    language = Languages.read().known[tag]
    for sentence, words in (catalogue(tag)["service"] | catalogue(tag)["others"]).items():
        said, meant = (re.sub(r"\{(\w+)\}", r"\1-9.1", text) for text in (sentence, words))
        assert language.told(said) == meant


@pytest.mark.parametrize(("tag", "begins"), [("de", "Die Verwaltung ist dran: "), ("fr", "À l’administration : ")])
def test_advice_within_a_sentence_is_told_too(tag: str, begins: str) -> None:
    """Whose turn it is, and what to do; what nobody has translated stays as it is."""
    language, advice = Languages.read().known[tag], "Ask the admin to make room, then try again."
    assert language.told(f"An admin's turn: {advice}") == begins + language.told(advice) != begins + advice
    assert language.told("An admin's turn: pip install x") == f"{begins}pip install x"


MET_OFTEN = (
    *("builds/limits.py", "builds/quotas.py", "builds/timed.py", "builds/rules.py", "hub/apply.py", "hub/choices.py"),
    *("images/failures.py", "repositories/complaints.py", "repositories/filling.py", "repositories/ls_remote.py"),
    *("repositories/refs.py", "repositories/smart_http.py", "repositories/submodules.py", "packages/simple_index.py"),
    *("recipes/requirement_lines.py", "recipes/requirements.py"),
)
"""Whose errors users meet most: what cannot be found, read or reached, what is too much, and lines of their lists."""


@pytest.mark.parametrize("module", MET_OFTEN)
def test_what_to_do_is_translated_where_errors_are_met_most(module: str) -> None:
    """Each hint that stands in such a module as it is; elsewhere what nobody has translated is marked as English."""
    for node in ast.walk(ast.parse((SOURCE / module).read_text())):
        if isinstance(node, ast.Call):
            hints = [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
            if getattr(node.func, "attr", "") == "error":  # of a line: what is wrong, what to do
                hints += node.args[1:2]
            for hint in hints:
                told = SENTENCES.split(str(hint.value)) if isinstance(hint, ast.Constant) else []
                assert told == [""] or {*told} <= {*catalogue("en")["service"], *catalogue("en")["others"]}, told


def test_every_kind_of_error_has_its_meaning() -> None:
    """Of an error whose sentence is not translated, readers learn at least of what kind it is."""
    codes, kinds = {}, [HubkilnError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if "code" in vars(kind) and kind.__module__ == "hubkiln.errors":
            codes[kind.code] = (kind.__doc__ or "").strip()
    del codes["error"], codes["user_error"]
    assert codes == catalogue("en")["codes"]


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("de", "de"),
        ("de-AT, en;q=0.5", "de"),
        ("en;q=0.4, fr-CA ;q=0.9", "fr"),
        ("es, it", "en"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("", "en"),
        ("*;q=0.1, en-GB", "en"),
        ("DE-at", "de"),
        (";;q=,,-de,\x00, " * 99, "en"),
    ],
)
def test_the_browser_says_which_language(header: str, tag: str) -> None:
    """The one that it likes best of those there are; English otherwise, whatever stands in the header."""
    handler = SimpleNamespace(request=SimpleNamespace(headers={"Accept-Language": header}))
    assert Languages.read().asked(handler).tag == tag == preferred(header, {"de": 1, "en": 1, "fr": 1})


def test_an_admin_fixes_the_language() -> None:
    """Then every browser gets it, also a form that answers a post, of whose handler JupyterHub tells nothing."""
    fixed = Languages.read("fr")
    asks = SimpleNamespace(request=SimpleNamespace(headers={"Accept-Language": "de"}))
    assert fixed.asked(asks).tag == fixed.asked(None).tag == "fr"
    assert Languages.read().asked(None).tag == "en"
    with pytest.raises(BadSpec, match="xx"):
        Languages.read("xx")


def test_an_admins_words_win_and_a_new_language_needs_not_all(tmp_path: Path) -> None:
    """A sentence is said otherwise, English too; what a new language has not stays English."""
    (tmp_path / "de.json").write_text('{"hub": {"Environments": "Werkstätten"}}')
    (tmp_path / "en.json").write_text('{"page": {"Build and start": "Go"}}')
    (tmp_path / "nl.json").write_text(
        '{"language": "Nederlands", "hub": {"Go to it": "Erheen"}, "page": {"Not said": "x"}}'
    )
    known = Languages.read("", tmp_path).known
    assert known["de"].say("Environments") == "Werkstätten" and known["de"].say("Go to it") == "Zu ihm gehen"
    assert known["nl"].say("Go to it") == "Erheen" and known["nl"].say("Environments") == "Environments"
    assert b'"Build and start":"Go"' in known["en"].scripts["page"] and b"Not said" not in known["nl"].scripts["page"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nl.json", "{"),
        ("nl.json", "[]"),
        ("nl.json", '{"page": []}'),
        ("nl.json", '{"page": {"Build log": 5}}'),
        ("nl.json", '{"page": {"{seconds} s": "{sekonden} s"}}'),
        ("Dutch!.json", "{}"),
    ],
)
def test_a_mistake_in_an_admins_words_stops_the_start(tmp_path: Path, name: str, text: str) -> None:
    """It is said which file, instead of a page that says nonsense."""
    (tmp_path / name).write_text(text)
    with pytest.raises(BadSpec, match=re.escape(name)):
        Languages.read("", tmp_path)


def test_our_own_profile_is_read_in_the_readers_language() -> None:
    """All that `hubkiln up` offers, numbers kept; what an admin wrote stays as it is, if it says the same."""
    ours, theirs = default_profiles(2, 2**33), [{"display_name": "Resources", "description": "2 CPUs, 4 GB"}]
    known = Languages.read().known
    shown = public(spoken(normalise([*ours, *theirs]), known["fr"]))
    resources, image = (shown[0]["profile_options"][key] for key in ("resources", "image"))
    assert resources["display_name"] == "Ressources"
    assert [one["display_name"] for one in resources["choices"].values()] == ["1 CPU, 1 Go", "2 CPU, 4 Go"]
    assert image["unlisted_choice"]["display_name_in_choices"] == "Une autre image"
    assert image["unlisted_choice"]["validation_regex"] == r"[\w.:@/+-]+"
    assert (shown[1]["display_name"], shown[1]["description"]) == ("Resources", "2 CPUs, 4 GB")
    assert public(spoken(normalise(ours), known["en"])) == public(normalise(ours))


def test_a_sentence_of_the_service_is_told_with_what_varies_in_it() -> None:
    """As the page's script does; one that nobody translated stays English."""
    german = Languages.read().known["de"]
    assert german.told("Check the address.") == catalogue("de")["service"]["Check the address."]
    assert german.told("https://h.example/(a+b)\nc.git does not exist or is private.").startswith(
        "https://h.example/(a+b)\nc.git "
    )
    assert "private" not in german.told("https://h.example/x.git does not exist or is private.")
    assert german.told("Nobody says this.") == "Nobody says this."
    several = german.told("'x' is not a path inside the repository. Write it like notebooks/start.ipynb.")
    assert several == "'x' ist kein Pfad im Repository. Schreiben Sie ihn wie notebooks/start.ipynb."
    forbidden = german.told("Nothing may be built from this host here: It is slow. Ask Bob.")
    assert forbidden == "Von diesem Host darf hier nichts gebaut werden: It is slow. Ask Bob."
    line = german.told("`requirements.txt`, line 3: `numpy=1` is not a requirement.")
    assert line == "`requirements.txt`, Zeile 3: `numpy=1` ist keine Anforderung."
    pins = german.told("The requirements contradict each other: you require humanize==1.0 and humanize==2.0.")
    assert pins.endswith(": Sie verlangen humanize==1.0 und humanize==2.0.")
    mixed = "Check the address. Nobody says this."
    assert german.told(mixed) == mixed  # and never half of it
    long = f"{'does not exist or is private ' * 9999}."
    assert german.told(long) == long  # at once


def test_the_hubs_bar_speaks_the_readers_language_on_every_page() -> None:
    """Its templates get no more of the request than one method of whoever answers it."""
    c = Config()
    c.JupyterHub.template_vars = {"announcement": "Closed on Friday", "hubkiln_language": "the admin's"}
    other = Config()
    for one in (c, other):
        setup(one)
    assert c.JupyterHub.template_vars == {"announcement": "Closed on Friday", "hubkiln_language": "the admin's"}
    section = JupyterHub(config=other)
    bar = Environment(loader=ChoiceLoader([FileSystemLoader(TEMPLATES), PrefixLoader({"templates": PLAIN})]))
    handler = RequestHandlerLike("fr-CA")
    found = section.template_vars["hubkiln_language"](None)
    text = bar.get_template("page.html").render(base_url="/hub/", static_url=handler.static_url, hubkiln_language=found)
    assert (
        re.sub(r"\s+", " ", text).strip()
        == '<li class="nav-item"> <a class="nav-link" href="/hub/environments" lang="fr">Environnements</a> </li>'
    )
    bare = bar.get_template("page.html").render(base_url="/hub/", static_url=handler.static_url)
    assert ">Environments</a>" in bare


PLAIN = DictLoader({"page.html": "{% block nav_bar_left_items %}{% endblock %}"})
"""In the place of JupyterHub's."""


class RequestHandlerLike:
    """As much of a handler as templates know."""

    def __init__(self, language: str) -> None:
        self.request = SimpleNamespace(headers={"Accept-Language": language})

    def static_url(self, path: str) -> str:
        """Where a file of the hub's is."""
        return path


def test_the_form_says_its_language_and_loads_its_words_first() -> None:
    """
    For screen readers; the service's sentences come behind the page's script, for an admin also those that users do
    not meet. An English page loads nothing more.
    """
    known = Languages.read().known
    profiles = normalise([{"display_name": "A"}])
    page = {"profiles": profiles, "user": "ada", "hub_url": "/base/hub/", "service_url": "/base/services/binder/"}
    german, english = (render(Page(**page, language=known[tag])) for tag in ("de", "en"))  # type: ignore[arg-type]
    assert '<div id="hubkiln" lang="de">' in german and '<div id="hubkiln" lang="en">' in english
    admins = render(Page(**page, language=known["de"], admin=True))  # type: ignore[arg-type]
    own, service, others = (f'src="/base/hub/hubkiln/words/de/{one}.js?v={known["de"].version}"' for one in SCRIPTS)
    assert german.index(own) < german.index("spawn.js") < german.index(service) and "/words/" not in english
    assert others not in german and admins.index(service) < admins.index(others)


class TestScript(AsyncHTTPTestCase):
    """The words as browsers get them."""

    def get_app(self) -> Application:
        """Serves them as the plugin does."""
        told = {"languages": Languages.read()}
        return Application([(f"/{PATH}", WordsScript, told)])

    def words(self, name: str) -> tuple[str, int]:
        """The German script of that name, and how many bytes are sent of it."""
        address = f"/words/de/{name}.js?v={Languages.read().known['de'].version}"
        got = self.fetch(address, headers={"Accept-Encoding": "gzip"}, decompress_response=False)
        assert "immutable" in got.headers["Cache-Control"]
        assert "Cache-Control" not in self.fetch(f"/words/de/{name}.js?v=old").headers
        return gzip.decompress(got.body).decode(), len(got.body)

    def test_one_language_comes_compressed_and_is_kept(self) -> None:
        """Under 24 KB with room for more, beside a first script of 40; kept for as long as it is the same."""
        text, size = self.words("page")
        told = json.loads(text.removeprefix("globalThis.hubkilnWords=").rstrip(";\n"))
        assert told["language"] == "de" and told["page"]["Build log"] == "Protokoll des Builds"
        assert told["service"] == {} and size < 20_000

    def test_the_services_sentences_come_behind_it(self) -> None:
        """
        And tell the page that they are there. They are more than the page's own words: nothing waits for them, and
        browsers keep them. Those that users do not meet are added for admins.
        """
        text, size = self.words("service")
        more, _ = self.words("others")
        for script, sentence in ((text, "Correct it."), (more, "There is no such schedule.")):
            assert script.startswith("globalThis.hubkilnWords.service=") and script.endswith(
                ';dispatchEvent(new Event("hubkiln-words"));\n'
            )
            english, meant = (json.loads(found) for found in re.findall(r'\[".*?"\](?=[,)])', script))
            assert dict(zip(english, meant, strict=True))[sentence] == Languages.read().known["de"].told(sentence)
        assert "no such schedule" not in text and size < 40_000

    def test_there_is_none_of_other_languages(self) -> None:
        """English stands in the page's own script."""
        found = [self.fetch(f"/words/{tag}/{name}.js").code for tag in ("en", "xx", "..") for name in (*SCRIPTS, "hub")]
        assert set(found) == {404}
