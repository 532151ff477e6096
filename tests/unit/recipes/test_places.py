"""Packages that a project takes from somewhere of its own: followed or refused, never the public one of that name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.errors import RecipeError
from hubkiln.recipes import read

Write = Callable[..., Path]
VENDORED = {"vendor/toolz/pyproject.toml": '[project]\nname = "toolz"\nversion = "99"\ndependencies = ["inner"]\n'}


def project(rest: str, asked: str = '"toolz"') -> str:
    """A `pyproject.toml` that asks for `asked`, and goes on with `rest`."""
    return f'[project]\nname = "c"\nversion = "0"\ndependencies = [{asked}]\n{rest}'


def lock(source: str, root: str = '{ name = "toolz" }', rest: str = "") -> str:
    """A `uv.lock` whose toolz is from `source`."""
    return (
        f'[[package]]\nname = "c"\nsource = {{ virtual = "." }}\ndependencies = [{root}]\n'
        f'[[package]]\nname = "toolz"\nversion = "99"\nsource = {source}\n{rest}'
    )


@pytest.mark.parametrize(
    ("said", "local", "direct"),
    [
        ('toolz = { path = "vendor/toolz" }', ("./vendor/toolz",), ()),
        ('ToolZ = { path = "./vendor/toolz", editable = true }', ("-e ./vendor/toolz",), ()),
        ('toolz = [{ path = "vendor/toolz" }]', ("./vendor/toolz",), ()),
        (
            'toolz = { git = "https://h/t", tag = "v1", subdirectory = "sub" }',
            (),
            ("toolz @ git+https://h/t@v1#subdirectory=sub",),
        ),
        ('toolz = { url = "https://h/toolz-1.zip" }', (), ("toolz @ https://h/toolz-1.zip",)),
        ('toolz = { workspace = true }\n[tool.uv.workspace]\nmembers = ["vendor/*"]', ("./vendor/toolz",), ()),
    ],
)
def test_a_source_is_followed(write: Write, said: str, local: tuple[str, ...], direct: tuple[str, ...]) -> None:
    """The package comes from where the project says, and the index is not asked for its name."""
    recipe = read(write({"pyproject.toml": project(f"[tool.uv.sources]\n{said}"), **VENDORED}))
    assert (recipe.requirements, recipe.local, recipe.direct) == ((), local, direct)


@pytest.mark.parametrize(
    "rest",
    [
        '[tool.uv.sources]\ntoolz = { index = "ours" }\n[[tool.uv.index]]\nname = "ours"\nurl = "https://h/"\n'
        "explicit = true",
        "[tool.uv.sources]\ntoolz = { workspace = true }",
        '[tool.uv.sources]\ntoolz = { path = "../toolz" }',
        '[tool.uv.sources]\ntoolz = { path = "/srv/toolz" }',
        '[tool.uv.sources]\ntoolz = { git = "file:///srv/t" }',
        "[tool.uv.sources]\ntoolz = { something = 1 }",
        "[tool.uv.sources]\ntoolz = 1",
        '[[tool.uv.index]]\nurl = "https://h/simple"',
        '[tool.uv]\nextra-index-url = ["https://h/simple"]',
        '[[tool.pdm.source]]\nname = "ours"\nurl = "https://h/simple"',
        '[tool.poetry.dependencies]\ntoolz = { version = "*", source = "ours" }',
        '[tool.uv]\noverride-dependencies = ["toolz==1"]',
    ],
)
def test_a_source_that_cannot_be_followed_is_refused(write: Write, rest: str) -> None:
    """Another index, another machine's folder, what is not known: the public package is not taken instead."""
    with pytest.raises(RecipeError):
        read(write({"pyproject.toml": project(rest)}))


@pytest.mark.parametrize("build", ["", '[build-system]\nrequires = ["hatchling"]\n'])
def test_a_local_packages_own_sources_are_followed(write: Write, build: str) -> None:
    """What a followed folder takes from a neighbour is taken from there, for packages too."""
    inner = '[tool.uv.sources]\ninner = { path = "../inner" }\n'
    files = {
        "pyproject.toml": project('[tool.uv.sources]\ntoolz = { path = "vendor/toolz" }\n' + build),
        "vendor/toolz/pyproject.toml": VENDORED["vendor/toolz/pyproject.toml"] + inner,
        "vendor/inner/pyproject.toml": '[project]\nname = "inner"\n',
    }
    recipe = read(write(files))
    assert recipe.local[:2] == ("./vendor/inner", "./vendor/toolz")
    assert "toolz" not in recipe.requirements


def test_a_workspaces_sources_hold_for_its_members(write: Write) -> None:
    """A member that asks for another member gets it by the root's word."""
    root = (
        '[tool.uv.sources]\na = { workspace = true }\nb = { workspace = true }\n[tool.uv.workspace]\nmembers = ["p/*"]'
    )
    files = {
        "pyproject.toml": project(root, '"a"'),
        "p/a/pyproject.toml": '[project]\nname = "a"\ndependencies = ["b"]',
        "p/b/pyproject.toml": '[project]\nname = "b"',
    }
    assert read(write(files)).local == ("./p/b", "./p/a")


def test_a_source_for_another_system_leaves_the_index(write: Write) -> None:
    """As with uv: the package of the index is meant where no marker of a source holds."""
    said = 'toolz = [{ index = "ours", marker = "sys_platform == \'win32\'" }]'
    assert read(write({"pyproject.toml": project(f"[tool.uv.sources]\n{said}")})).requirements == ("toolz",)


@pytest.mark.parametrize(
    ("source", "local"),
    [
        ('{ editable = "vendor/toolz" }', ("-e ./vendor/toolz",)),
        ('{ directory = "vendor/toolz" }', ("./vendor/toolz",)),
        ('{ path = "vendor/toolz" }', ("./vendor/toolz",)),
    ],
)
def test_uv_lock_gives_local_packages_their_place(write: Write, source: str, local: tuple[str, ...]) -> None:
    """A path or workspace member of the lock is installed from its folder."""
    recipe = read(write({"pyproject.toml": project(""), "uv.lock": lock(source), **VENDORED}))
    assert (recipe.requirements, recipe.constraints, recipe.local) == ((), (), local)


def test_a_member_that_others_need_is_local_too(write: Write) -> None:
    """What is reached through a package of the index or a member counts; what nothing reaches is left alone."""
    rest = (
        'dependencies = [{ name = "inner", extra = ["x"] }]\n'
        '[[package]]\nname = "inner"\nsource = { editable = "vendor/inner" }\n'
        '[[package]]\nname = "alone"\nsource = { editable = "vendor/alone" }\n'
        '[[package]]\nname = "far"\nsource = { git = "https://h/far#abc" }\n'
    )
    text = lock('{ editable = "vendor/toolz" }', rest=rest)
    recipe = read(write({"pyproject.toml": project(""), "uv.lock": text, "vendor/inner/x": "", **VENDORED}))
    assert recipe.local == ("-e ./vendor/toolz", "-e ./vendor/inner'[x]'")
    assert recipe.direct == ()


@pytest.mark.parametrize("source", ['{ editable = "../toolz" }', '{ registry = "https://h/simple" }', '{ hg = "x" }'])
def test_a_locked_package_from_out_of_reach_is_refused(write: Write, source: str) -> None:
    """A folder outside, and another index without a hash that would tell its package apart."""
    with pytest.raises(RecipeError):
        read(write({"pyproject.toml": project(""), "uv.lock": lock(source)}))


def test_poetry_lock_gives_local_packages_their_place(write: Write) -> None:
    """Poetry's folders are followed, its private indexes refused unless a hash says which file is meant."""
    start = '[[package]]\nname = "toolz"\nversion = "1"\n'
    folder = start + 'develop = true\n[package.source]\ntype = "directory"\nurl = "vendor/toolz"\n'
    recipe = read(write({"pyproject.toml": project(""), "poetry.lock": folder, **VENDORED}))
    assert (recipe.requirements, recipe.local) == ((), ("-e ./vendor/toolz",))
    private = start + '[package.source]\ntype = "legacy"\nurl = "https://h/simple"\n'
    with pytest.raises(RecipeError, match="another one"):
        read(write({"pyproject.toml": project(""), "poetry.lock": private}))


def test_pixi_lock_gives_local_packages_their_place(write: Write) -> None:
    """A folder that pixi took as a package of PyPI's kind is that folder."""
    text = (
        "environments: {default: {packages: {linux-64: [{pypi: ./vendor/toolz}]}}}\n"
        "packages: [{pypi: ./vendor/toolz, name: toolz, version: '99', editable: true}]\n"
    )
    recipe = read(write({"pixi.lock": text, **VENDORED}))
    assert (recipe.requirements, recipe.local) == ((), ("-e ./vendor/toolz",))


def test_a_pipfiles_unknown_index_is_refused(write: Write) -> None:
    """A package from an index that the file does not describe is not looked for on PyPI."""
    with pytest.raises(RecipeError, match="another one"):
        read(write({"Pipfile": '[packages]\ntoolz = { version = "*", index = "ours" }'}))


def test_uvs_own_lists_count(write: Write) -> None:
    """The old list of development packages, the groups that are default, and limits to versions."""
    rest = (
        '[tool.uv]\ndev-dependencies = ["pytest"]\ndefault-groups = ["lab"]\nconstraint-dependencies = ["numpy<2"]\n'
        '[dependency-groups]\nlab = ["numpy"]\ndev = ["ruff"]\n[tool.hatch.envs.docs]\ndependencies = ["sphinx"]\n'
    )
    recipe = read(write({"pyproject.toml": project(rest, "")}))
    assert (recipe.requirements, recipe.constraints) == (("pytest", "numpy"), ("numpy<2",))
    assert any("tool.hatch.envs.docs" in sentence for sentence in recipe.warnings)


SUBDIRECTORY = "toolz @ git+https://h/two@abc#subdirectory=sub"


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": project(""), "uv.lock": lock('{ git = "https://h/two?subdirectory=sub&branch=main#abc" }')},
        {
            "pyproject.toml": project(""),
            "poetry.lock": '[[package]]\nname = "toolz"\nversion = "1"\n[package.source]\ntype = "git"\n'
            'url = "https://h/two"\nreference = "main"\nresolved_reference = "abc"\nsubdirectory = "sub"\n',
        },
        {"Pipfile": '[packages]\ntoolz = { git = "https://h/two", ref = "abc", subdirectory = "sub" }'},
        {"Pipfile.lock": '{"default": {"toolz": {"git": "https://h/two", "ref": "abc", "subdirectory": "sub"}}}'},
        {
            "pyproject.toml": project(
                '[tool.uv.sources]\ntoolz = { git = "https://h/two", rev = "abc", subdirectory = "sub" }'
            )
        },
    ],
)
def test_a_git_packages_folder_is_kept(write: Write, files: dict[str, str]) -> None:
    """A package below the root of its repository, in each file that can say so."""
    assert read(write(files)).direct == (SUBDIRECTORY,)


def test_a_pipfiles_folder_keeps_its_marker(write: Write) -> None:
    """As a line of requirements.txt does."""
    text = '[packages]\ntoolz = { path = "vendor/toolz", markers = "os_name == \'nt\'" }'
    assert read(write({"Pipfile": text, **VENDORED})).local == ('./vendor/toolz ; os_name == "nt"',)
