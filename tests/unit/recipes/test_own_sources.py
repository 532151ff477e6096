"""Where packages of packages come from, and indexes in tools' own tables and old locks: followed, refused or said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.errors import RecipeError
from hubkiln.recipes import Recipe, read

Write = Callable[..., Path]
SHA = "cd" * 32
BUILD = '[build-system]\nrequires = ["setuptools", "maker"]\n'
HASHED = f'[{{ file = "x", hash = "sha256:{SHA}" }}]'


def project(rest: str, asked: str = '"toolz"') -> str:
    """A `pyproject.toml` that asks for `asked`, and goes on with `rest`."""
    return f'[project]\nname = "c"\nversion = "0"\ndependencies = [{asked}]\n{rest}'


def refused(root: Path) -> str:
    """Why the checkout at `root` is refused."""
    with pytest.raises(RecipeError) as caught:
        read(root)
    return caught.value.message


def said(recipe: Recipe, words: str) -> bool:
    """Whether a warning holds `words`."""
    return any(words in sentence for sentence in recipe.warnings)


@pytest.mark.parametrize("asked", ['"near[x]"', '"near[all]"'])
def test_what_an_extra_of_a_folder_needs_is_followed(write: Write, asked: str) -> None:
    """By the folder's own word, through extras that name extras; what no extra asks for is left alone."""
    near = (
        '[project]\nname = "near"\n[project.optional-dependencies]\nX = ["inner"]\nall = ["Near[x]"]\nno = ["other"]\n'
        '[tool.uv.sources]\ninner = { path = "../inner" }\nother = { path = "../other" }\n'
    )
    files = {
        "pyproject.toml": project('[tool.uv.sources]\nnear = { path = "near" }\n', asked),
        "near/pyproject.toml": near,
        "inner/pyproject.toml": '[project]\nname = "inner"\n',
        "other/pyproject.toml": '[project]\nname = "other"\n',
    }
    local = read(write(files)).local
    assert local[0] == "./inner"
    assert not any("other" in one for one in local)


@pytest.mark.parametrize(
    ("entry", "local"), [('{ path = "../inner" }', ("./inner", "./near")), ('{ version = "*", source = "ours" }', ())]
)
def test_what_a_folder_of_poetrys_needs_is_followed_or_refused(
    write: Write, entry: str, local: tuple[str, ...]
) -> None:
    """What is built of the folder names packages alone: the public one of that name could be anybody's."""
    index = '[[tool.poetry.source]]\nname = "ours"\nurl = "https://h/simple"\npriority = "explicit"\n'
    files = {
        "pyproject.toml": project('[tool.uv.sources]\nnear = { path = "near" }\n', '"near"'),
        "near/pyproject.toml": f'[tool.poetry]\nname = "near"\n[tool.poetry.dependencies]\ninner = {entry}\n{index}',
        "inner/pyproject.toml": '[project]\nname = "inner"\n',
    }
    if local:
        assert read(write(files)).local == local
    else:
        assert "takes inner from where it cannot be had" in refused(write(files))


@pytest.mark.parametrize("source", ['{ path = "maker" }', '{ index = "ours" }', '[{ git = "https://h/maker" }]'])
@pytest.mark.parametrize("inside", [False, True])
def test_what_builds_a_package_is_the_index_s_or_refused(write: Write, source: str, inside: bool) -> None:
    """uv builds with it, pip would take the public package of that name."""
    own = f"{BUILD}[tool.uv.sources]\nmaker = {source}\n"
    files = {"pyproject.toml": project(own), "maker/pyproject.toml": '[project]\nname = "maker"\n'}
    if inside:
        files |= {
            "pyproject.toml": project('[tool.uv.sources]\ntoolz = { path = "near" }\n'),
            "near/pyproject.toml": f'[project]\nname = "toolz"\n{own}',
        }
    assert "takes maker from where it cannot be had" in refused(write(files))


def test_a_source_for_what_builds_elsewhere_stops_nothing(write: Write) -> None:
    """For another system, or PyPI itself."""
    sources = '[[tool.uv.index]]\nname = "p"\nurl = "https://pypi.org/simple"\n[tool.uv.sources]\n'
    for said_of_it in ('{ path = "maker", marker = "sys_platform == \'win32\'" }', '{ index = "p" }'):
        assert read(write({"pyproject.toml": project(f"{BUILD}{sources}maker = {said_of_it}\n")})).local == (".",)


@pytest.mark.parametrize(
    ("folder", "members", "found"),
    [
        ("packages/core", '["packages/*"]', True),
        ("packages/core", '["pack*/c?re"]', True),
        ("lib/py", '["**"]', True),
        ("core", '["./core/"]', True),
        ("some/way/down", '["some/way/down"]', True),
        ("lib/py", '["packages/*", "lib"]', False),
        ("lib/py", '["*"]', False),
    ],
)
def test_a_member_is_found_whatever_its_folder_is_called(write: Write, folder: str, members: str, found: bool) -> None:
    """By the name that it has in its own file, where a pattern allows its folder."""
    workspace = f"[tool.uv.sources]\nacme-core = {{ workspace = true }}\n[tool.uv.workspace]\nmembers = {members}\n"
    files = {
        "pyproject.toml": project(workspace, '"acme-core"'),
        f"{folder}/pyproject.toml": '[project]\nname = "Acme_Core"\n',
        "packages/other/pyproject.toml": '[project]\nname = "other"\n',
    }
    if found:
        assert read(write(files)).local == (f"./{folder}",)
    else:
        assert "takes acme-core from where" in refused(write(files))


@pytest.mark.parametrize("exclude", ['["packages/core"]', '["packages/c*"]', '["**/core"]'])
def test_a_folder_that_is_left_out_of_the_workspace_is_no_member(write: Write, exclude: str) -> None:
    """Though it is called so."""
    rest = f'core.workspace = true\n[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = {exclude}\n'
    files = {
        "pyproject.toml": project(f"[tool.uv.sources]\n{rest}", '"core"'),
        "packages/core/pyproject.toml": '[project]\nname="core"\n',
    }
    assert "takes core from where" in refused(write(files))


@pytest.mark.parametrize(
    "options",
    [
        'index-url = "https://h/simple"',
        'extra-index-urls = ["https://h/simple"]',
        'find-links = [{ path = "./wheels" }]',
    ],
)
def test_pixis_indexes_are_refused(write: Write, options: str) -> None:
    """As those of other tools: what `[project]` asks for would come from there."""
    assert "index other than PyPI" in refused(
        write({"pyproject.toml": project(f"[tool.pixi.pypi-options]\n{options}\n")})
    )


@pytest.mark.parametrize("hashed", [False, True])
def test_a_lock_of_pdm_does_not_say_which_index(write: Write, hashed: bool) -> None:
    """Where the project has one of its own, hashes alone tell its packages from public ones."""
    files = {
        "pyproject.toml": project('[[tool.pdm.source]]\nname = "ours"\nurl = "https://h/simple"\n'),
        "pdm.lock": f'[[package]]\nname = "toolz"\nversion = "1"\nfiles = {HASHED if hashed else "[]"}\n',
    }
    if hashed:
        assert read(write(files)).hashes == (("toolz", (SHA,)),)
    else:
        assert "another one" in refused(write(files))


@pytest.mark.parametrize(
    ("name", "key", "source"),
    [
        ("poetry.lock", "toolz", ""),
        ("poetry.lock", "toolz", '[package.source]\ntype = "legacy"\nurl = "https://h/simple"\n'),
        ("pdm.lock", '"toolz 1"', ""),
    ],
)
def test_hashes_of_old_locks_count(write: Write, name: str, key: str, source: str) -> None:
    """Poetry before 1.3 and PDM before 2.5 kept them at the end of the file."""
    lock = f'[[package]]\nname = "toolz"\nversion = "1"\n{source}[metadata.files]\n{key} = {HASHED}\n'
    assert read(write({"pyproject.toml": project(""), name: lock})).hashes == (("toolz", (SHA,)),)


POETRY = '[tool.poetry]\nname = "c"\n[tool.poetry.dependencies]\n'
WHEEL = '[package.source]\ntype = "file"\nurl = "w-1-py3-none-win_amd64.whl"\n'


@pytest.mark.parametrize(
    ("entry", "also", "marker"),
    [
        ("markers = \"sys_platform == 'win32'\"", "", ' ; sys_platform == "win32"'),
        ('platform = "win32"', "", ' ; sys_platform == "win32"'),
        ('python = "<3.8"', "", ' ; python_full_version < "3.8"'),
        ('platform = "win32"', 'dependencies = { w = "*" }\n', ""),
        ("", "", ""),
    ],
)
def test_a_marker_in_poetrys_own_table_holds_for_what_is_locked(
    write: Write, entry: str, also: str, marker: str
) -> None:
    """Before Poetry 2 the lock does not repeat it; what another package needs too is needed anyway."""
    table = f"w = {{ path = 'w-1-py3-none-win_amd64.whl'{', ' + entry if entry else ''} }}\nsix = '*'\n"
    lock = (
        f'[[package]]\nname = "six"\nversion = "1"\n{also}'
        f'[[package]]\nname = "w"\nversion = "1"\n{WHEEL}[metadata]\nlock-version = "2.0"\n'
    )
    files = {"pyproject.toml": POETRY + table, "poetry.lock": lock, "w-1-py3-none-win_amd64.whl": ""}
    assert read(write(files)).local == (f"./w-1-py3-none-win_amd64.whl{marker}",)


def test_a_locked_package_for_another_system_is_asked_for_there_alone(write: Write) -> None:
    """By Poetry's short words for it too."""
    lock = '[[package]]\nname = "pywin32"\nversion = "304"\n'
    files = {"pyproject.toml": f'{POETRY}pywin32 = {{ version = "^304", platform = "win32" }}\n', "poetry.lock": lock}
    assert read(write(files)).requirements == ('pywin32; sys_platform == "win32"',)


def test_pdms_overrides_are_refused_without_a_lock(write: Write) -> None:
    """As uv's are."""
    text = project('[tool.pdm.resolution.overrides]\nsix = "1.10"\n')
    assert "`tool.pdm.resolution.overrides` cannot be followed" in refused(write({"pyproject.toml": text}))
    lock = '[[package]]\nname = "toolz"\nversion = "1"\n'
    assert read(write({"pyproject.toml": text, "pdm.lock": lock})).constraints == ("toolz==1",)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"pyproject.toml": project("[tool.pdm.resolution]\nallow-prereleases = true\n")}, "PDM's `allow-prereleases`"),
        ({"pyproject.toml": project(""), "uv.toml": 'prerelease = "allow"\n'}, "`uv.toml`: uv's `prerelease` is not"),
        (
            {"pyproject.toml": project(""), "hatch.toml": '[envs.default]\ndependencies = ["six"]\n'},
            "`hatch.toml`: the packages of `envs.default` are not installed",
        ),
        ({"Pipfile": '[packages]\ntoolz = "*"\n[pipenv]\nallow_prereleases = true\n'}, "`allow_prereleases` is not"),
    ],
)
def test_what_is_not_followed_is_said(write: Write, files: dict[str, str], words: str) -> None:
    """Wherever it is written; the packages are installed."""
    recipe = read(write(files))
    assert recipe.requirements == ("toolz",)
    assert said(recipe, words)
