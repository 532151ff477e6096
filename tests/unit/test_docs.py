"""The examples in the pages work: commands parse, configurations load, answers are what they say they are."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from traitlets.config import Config

from hubkiln import errors
from hubkiln.cli import cli
from hubkiln.hub.profiles import builds, normalise
from hubkiln.setting_table import INTERNAL, PREFIX, SETTINGS, renewed

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("examples/*.md")]
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
DELIVERED = re.compile(
    r"^(?:\$ )?(?:sudo )?(?:[A-Z_]+=(?:\"[^\"]*\"|\S+) )*(?:systemd-run .* )?(?:\.venv/bin/)?hubkiln (.*)$"
)


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    """Each block in one of `languages`, with the page that it is in."""
    for page in PAGES:
        for indent, language, text in BLOCK.findall(page.read_text()):
            if language in languages:
                yield str(page.relative_to(ROOT)), re.sub(f"^{indent}", "", text, flags=re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    """Each call of hubkiln in a block of shell, with its page."""
    for page, text in blocks("bash", "sh", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            if found := DELIVERED.match(line):
                yield page, found[1]


@pytest.mark.parametrize(("page", "line"), list(commands()))
def test_each_command_in_a_page_is_one_that_hubkiln_knows(page: str, line: str) -> None:
    """Its words, options and their values are understood."""
    words = shlex.split(line.partition(" | ")[0].partition(" > ")[0], comments=True)
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"{page}: there is no `hubkiln {words[0]}`"
        command, words = found, words[1:]
    command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize(("page", "text"), list(blocks("python")))
def test_each_configuration_in_a_page_loads(page: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python in a page runs; `c` is what JupyterHub gives to its configuration."""
    monkeypatch.setenv("BINDER_TOKEN", "0" * 32)
    import os

    from hubkiln.hub import setup

    exec(compile(text, page, "exec"), {"c": Config(), "os": os, "setup": setup})


@pytest.mark.parametrize(("page", "text"), [block for block in blocks("python") if "Spawner.profile_list" in block[1]])
def test_a_list_of_profiles_in_a_page_keeps_the_choice_of_repositories(page: str, text: str) -> None:
    """Whoever copies it has not taken away what users come for."""
    configured = Config()
    exec(compile(text, page, "exec"), {"c": configured})
    lists = [section["profile_list"] for section in configured.values() if "profile_list" in section]
    assert lists and all(builds(profile) for given in lists for profile in normalise(given))


@pytest.mark.parametrize(("page", "text"), list(blocks("json")))
def test_each_answer_in_a_page_is_json(page: str, text: str) -> None:
    """One document, or several below each other."""
    rest = text.strip()
    while rest:
        _, end = json.JSONDecoder().raw_decode(rest)
        rest = rest[end:].strip()


def test_each_target_of_make_that_a_page_names_is_there() -> None:
    """`make …` in a block is a target of the Makefile."""
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    there |= set(re.findall(r"^\.PHONY:(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split())
    for page, text in blocks("bash", "sh", "console"):
        for target in re.findall(r"^(?:\$ )?make ([a-z-]+)", text, re.MULTILINE):
            assert target in there, f"{page}: make {target}"


def test_each_file_that_a_page_names_is_there() -> None:
    """`src/…`, `tests/…`, `composer/….py` in a page lead to a file or folder of this repository or of its package."""
    named = re.compile(r"`((?:(?:src|tests|docs|benchmarks|examples)/|[a-z_]+/(?=[^`]*\.py))[\w./-]+)`")
    for page in PAGES:
        for path in named.findall(page.read_text()):
            places = [
                ROOT / path,
                ROOT / "src" / path,
                ROOT / "src/hubkiln" / path,
                page.parent / path,
                ROOT / "ui" / path,
            ]
            assert any(place.exists() for place in places), f"{page.name}: {path}"


def test_every_setting_is_on_the_page() -> None:
    """If not: python -m hubkiln.setting_table docs/reference/settings.md."""
    page = (ROOT / "docs/reference/settings.md").read_text()
    assert renewed(page) == page
    for setting in SETTINGS:
        assert f"\n| `{setting.name}` |" in page


def test_sentences_to_look_up_are_said() -> None:
    """Whoever searches the page about what is wrong for a message finds it as the service says it."""
    page = (ROOT / "docs/how-to/troubleshoot-the-service.md").read_text()
    source = " ".join(" ".join(path.read_text() for path in (ROOT / "src/hubkiln").rglob("*.py")).split())
    pieces = [piece.strip() for quoted in re.findall("“(.+?)”", page) for piece in quoted.split("…")]
    assert len(pieces) > 10
    for piece in pieces:
        assert piece in source or piece.replace("admin:auth_state", "{SCOPE}") in source, piece


def test_every_variable_of_ours_is_a_setting_or_known_not_to_be() -> None:
    """A variable that code reads and nobody can look up would be a secret."""
    known = {setting.variable for setting in SETTINGS} | {PREFIX + name for name in INTERNAL}
    for file in (ROOT / "src/hubkiln").rglob("*.py"):
        for variable in re.findall(r"HUBKILN_[A-Z0-9_]*[A-Z0-9]", file.read_text()):
            begins = any(one.startswith(variable) for one in known)
            assert variable in known or begins, f"{file.name}: {variable}"


def test_every_error_code_is_in_the_reference() -> None:
    """With its status: programs decide by it."""
    page = (ROOT / "docs/reference/api.md").read_text()
    codes = {
        code
        for file in (ROOT / "src/hubkiln").rglob("*.py")
        for code in re.findall(r'^    code(?:: ClassVar\[str\])? = "(\w+)"', file.read_text(), re.MULTILINE)
    }
    assert len(codes) > 20
    for code in codes:
        assert re.search(rf"\n\| `{code}` \| \d+ \| .+ \|", page), code
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.HubkilnError):
            assert f"\n| `{kind.code}` | {kind.status} |" in page, kind


def test_no_table_is_torn_in_two() -> None:
    """A row of a table follows another, or its head: behind an empty line it would be shown as text."""
    for page in PAGES:
        text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        for head in re.finditer(r"(?:^|\n\n) *\|.*\n(.*)", text):
            assert re.fullmatch(r" *\|[\s:|-]+\|", head[1]), f"{page.relative_to(ROOT)}: {head[0].strip()[:80]}"
