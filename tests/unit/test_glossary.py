"""Names are made of words that a reader knows or can look up."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/hubkiln"

PLAIN = """
    access address again all answer any apart around ask attempt away backoff bad begin beneath beside body
    bring brought build built by call caller candidate capability challenge change channel check checkout child
    choose chosen cleanup client clone column command commit complaint concurrent confine conflict connection
    copy credential damage date default denied descriptor died diagram dir direct disk display doctor document
    download drop embedded end endpoint enter entrance entry error event excerpt exchange explain export fact
    fail failure fake fault fetch file find finish first fixed folder follow forbidden form forward found front full
    further happen has hash header health history hold home hook host id identity ignore in index inline input
    inside install instance instruction interrupt isolation job keep kept kernel key known lack large later lead left
    libraries library limit line link list listen live log login loopback lost made manifest many map media
    member memory merge middleware miss mistaken model moment name namespace network no node not of on open
    option out outcome output over overwritten own pace pack package page pair password pattern pause peer phase
    pick place plain point popularity port post presence private problem process progress project proxy pull pump push
    queue range rate read recognised reader record redaction reference refusal refuse relay remote removal repair report
    request requirement resolve response result retry root route row rule run runtime save schema screen script
    serve service session setting ship side silent simple single size smart solve spawn special stall start
    state statement static stored stream swallow sweep swept system table tag tail taken tell tenth terminal
    test thing time together token told too tool transfer transport trash truncate turn type unauthenticated unpack
    unreachable unsupported up upload upstream user value verify visibility want way web work write
    foreign old program spelled version written showing message reply trial held newer sight
    cluster current description examination finding standing
"""
"""Plain English, or known to every programmer."""

FIELD = """
    async asynchronous synchronous
    import api app apt archive auth authorizer binderhub blob bpf bubblewrap bytecode catalogue cgroups cli codec
    compiler conda config cpython data database debian docker elf entrypoint env files gc gist git github gitlab
    http hub hubkiln init interpreter job json jupyterhub lockfile ls main media mount names namespaces oci pipeline
    pdm pipfile planner plugin podman poetry provider pyproject ckan dataverse figshare gitea hydroshare zenodo
    python pythons thread registry repo2docker sandbox sdist seccomp spawner sqlite sse submodules supervisor tar types
    uids url urls uv wheel bitbucket yaml toml pixi
"""
"""Of JupyterHub, repo2docker, OCI, Linux and Python packaging."""


@cache
def names() -> dict[str, str]:
    """Each word of a module's or a public class's name, with one name that has it."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        below = path.relative_to(SOURCE)
        if "migrations" in below.parts:
            continue
        for part in below.with_suffix("").parts:
            found |= dict.fromkeys(part.strip("_").split("_"), below.as_posix())
        for name in re.findall(r"^class ([A-Za-z]\w*)", path.read_text(), re.MULTILINE):
            words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", name)
            found |= dict.fromkeys((word.lower() for word in words), f"{below.as_posix()}: {name}")
    return found


def glossary() -> frozenset[str]:
    """The words that the glossary explains."""
    rows = re.findall(r"^\| (\*\*.*?) \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    bold = " ".join(word for row in rows for word in re.findall(r"\*\*(.+?)\*\*", row))
    return frozenset(bold.split())


def forms(word: str) -> set[str]:
    """`word` and what it may be a form of: ``layers`` of layer, ``merging`` of merge."""
    found = {word}
    for end in ("s", "es", "ed", "d", "ing", "er", "r", "or", "ly", "ies"):
        if word.endswith(end) and len(word) - len(end) > 2:
            stem = word.removesuffix(end)
            found |= {stem, f"{stem}e", f"{stem}y"} | ({stem[:-1]} if stem[-1:] == stem[-2:-1] else set())
    return found


def test_every_word_of_a_name_is_known() -> None:
    """Of modules and public classes: in the glossary, of the field, or plain."""
    listed = glossary() | set(PLAIN.split()) | set(FIELD.split())
    known = set().union(*map(forms, listed))
    unknown = {word: where for word, where in names().items() if word and not forms(word) & known}
    assert not unknown, f"explain in docs/glossary.md, or call it otherwise: {unknown}"


def test_the_glossary_has_no_word_that_nobody_uses_for_a_name() -> None:
    """Its second table, the words of the code: a word that was renamed leaves the page too."""
    text = (ROOT / "docs/glossary.md").read_text().partition("## Words of the code")[2]
    rows = re.findall(r"^\| (\*\*.*?) \|", text, re.MULTILINE)
    used = set().union(*(forms(word) for word in names()))
    unused = [word for row in rows for words in re.findall(r"\*\*(.+?)\*\*", row) for word in words.split()]
    assert not [word for word in unused if not forms(word) & used]
