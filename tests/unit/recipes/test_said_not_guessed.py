"""Inputs from the field: each is followed, or said; never another package, version or Python in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.errors import RecipeError
from hubkiln.recipes import Recipe, read

Write = Callable[..., Path]
SHA = "cd" * 32
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"
START = '[project]\nname = "demo"\nversion = "1"\n'
WANTS = START + 'dependencies = ["toolz"]\n'
VENDORED = {"vendor/toolz/pyproject.toml": '[project]\nname = "toolz"\nversion = "99"\n'}
POETRY = '[tool.poetry]\nname = "demo"\n[tool.poetry.dependencies]\npython = "^3.9"\n'


def refused(root: Path) -> RecipeError:
    """Why the checkout at `root` is refused."""
    with pytest.raises(RecipeError) as caught:
        read(root)
    return caught.value


def said(recipe: Recipe, words: str) -> bool:
    """Whether a warning holds `words`."""
    return any(words in sentence for sentence in recipe.warnings)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": WANTS + '[[tool.poetry.source]]\nname = "ours"\nurl = "https://h/simple"\n'},
        {"pyproject.toml": WANTS + '[[tool.rye.sources]]\nname = "ours"\nurl = "https://h/simple"\n'},
        {"pyproject.toml": WANTS + '[tool.uv.pip]\nindex-url = "https://h/simple"\n'},
        {"pyproject.toml": WANTS, "uv.toml": '[[index]]\nurl = "https://h/simple"\n'},
        {"Pipfile": '[packages]\ntoolz = { hg = "https://h/toolz" }\n'},
        {"Pipfile": '[packages]\ntoolz = { svn = "https://h/toolz", editable = true }\n'},
        {
            "pylock.toml": 'lock-version = "1.0"\n[[packages]]\nname = "toolz"\nversion = "1"\n'
            'wheels = [{ url = "https://h/toolz-1-py3-none-any.whl" }]\n'
        },
        {
            "pyproject.toml": WANTS,
            "pdm.lock": '[[package]]\nname = "toolz"\nversion = "1"\nfiles = [{ url = "https://h/t" }]',
        },
    ],
)
def test_another_index_is_refused_wherever_it_is_said(write: Write, files: dict[str, str]) -> None:
    """The public package of that name may be another one."""
    assert "another" in refused(write(files)).message or "other than PyPI" in refused(write(files)).message


def test_an_index_for_single_packages_does_not_matter_to_others(write: Write) -> None:
    """Poetry's explicit sources give nothing but what names them; PyPI has no address there."""
    rest = (
        '[[tool.poetry.source]]\nname = "ours"\nurl = "https://h/simple"\npriority = "explicit"\n'
        '[[tool.poetry.source]]\nname = "PyPI"\npriority = "primary"\n'
    )
    assert read(write({"pyproject.toml": WANTS + rest})).requirements == ("toolz",)


@pytest.mark.parametrize(
    ("source", "local"),
    [
        ('{ path = "vendor/toolz", group = "dev" }', ()),
        ('{ path = "vendor/toolz", extra = "gpu" }', ()),
        ('[{ index = "ours", extra = "gpu" }, { path = "vendor/toolz", group = "Docs_A" }]', ()),
        ('{ path = "vendor/toolz" }', ("./vendor/toolz",)),
    ],
)
def test_a_source_for_one_group_or_extra_counts_there_alone(write: Write, source: str, local: tuple[str, ...]) -> None:
    """As with uv, what the project itself asks for is then the index's."""
    files = {"pyproject.toml": f"{WANTS}[tool.uv.sources]\ntoolz = {source}\n", **VENDORED}
    assert read(write(files)).local == local


def test_a_groups_own_source_is_followed(write: Write) -> None:
    """In the group that it is said for."""
    rest = '[dependency-groups]\ndev = ["toolz"]\n[tool.uv.sources]\ntoolz = { path = "vendor/toolz", group = "dev" }\n'
    assert read(write({"pyproject.toml": START + rest, **VENDORED})).local == ("./vendor/toolz",)


def test_pixis_folder_of_a_package_is_followed(write: Write) -> None:
    """Where `[project]` asks for the package and pixi's table says where it is."""
    rest = '[tool.pixi.pypi-dependencies]\ntoolz = { path = "vendor/toolz", editable = true }\n'
    assert read(write({"pyproject.toml": WANTS + rest, **VENDORED})).local == ("-e ./vendor/toolz",)


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ('[[tool.uv.dependency-metadata]]\nname = "six"\n', "`dependency-metadata` is not followed"),
        ('[tool.uv]\nexclude-newer = "2023-01-01T00:00:00Z"\n', "`exclude-newer` is not followed"),
        ('[tool.uv]\nresolution = "lowest"\n', "`resolution` is not followed"),
        ('[tool.rye]\ndev-dependencies = ["six"]\n', "`tool.rye.dev-dependencies` are not installed"),
        ('[tool.poetry.group.dev.dependencies]\nsix = "^1 || ^2"\n', "needs a `poetry.lock`"),
        ('[tool.poetry.dependencies]\nsix = { path = "vendor/six" }\n', "needs a `poetry.lock`"),
    ],
)
def test_what_of_a_project_is_not_followed_is_said(write: Write, rest: str, words: str) -> None:
    """Its other packages are installed."""
    recipe = read(write({"pyproject.toml": WANTS + rest}))
    assert recipe.requirements == ("toolz",)
    assert said(recipe, words)


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("[tool.hatch.envs.default]\ndependencies", "tool.hatch.envs.default"),
        ("[tool.pdm.dev-dependencies]\ntest", "tool.pdm.dev-dependencies"),
        ("[tool.rye]\ndev-dependencies", "tool.rye.dev-dependencies"),
        ("[tool.pixi.dependencies]\ngdal", "tool.pixi.dependencies"),
    ],
)
def test_a_packages_own_tools_are_not_passed_over_in_silence(write: Write, table: str, named: str) -> None:
    """What a tool would install for those who work on the package is not in what is built of it."""
    build = f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n{table} = ["six"]\n'
    recipe = read(write({"pyproject.toml": WANTS + build, "demo.py": ""}))
    assert (recipe.local, recipe.requirements) == ((".",), ("toolz",))
    assert said(recipe, f"the packages of `{named}` are not installed")


def test_computed_dependencies_without_a_build_are_said(write: Write) -> None:
    """setuptools would read them from a file; nothing here builds the project."""
    assert said(
        read(write({"pyproject.toml": START + 'dynamic = ["dependencies"]\n'})), "are computed when it is built"
    )


def locked(rest: str, group: str = "", extra: str = "") -> dict[str, str]:
    """A project of Poetry's, and a lock in which `toolz` is a folder."""
    source = '[package.source]\ntype = "directory"\nurl = "vendor/toolz"\n'
    lock = f'[[package]]\nname = "toolz"\nversion = "1"\n{rest}{source}'
    return {"pyproject.toml": POETRY + extra + group, "poetry.lock": lock, **VENDORED}


def test_poetrys_extras_of_a_folder_are_kept(write: Write) -> None:
    """What the extras need is only limited by the lock, not asked for."""
    files = locked("", extra='toolz = { path = "vendor/toolz", extras = ["b", "a"] }\n')
    assert read(write(files)).local == ("./vendor/toolz'[a,b]'",)


def test_poetrys_markers_by_group_are_kept(write: Write) -> None:
    """Poetry 2 writes them as a table; those of groups that are installed count."""
    rest = (
        'groups = ["main", "win"]\n'
        'markers = { main = "sys_platform == \\"win32\\"", win = "python_version < \\"3\\"" }\n'
    )
    files = locked(rest, group="[tool.poetry.group.win]\noptional = true\n")
    assert read(write(files)).local == ('./vendor/toolz ; sys_platform == "win32"',)


@pytest.mark.parametrize("rest", ["", 'groups = ["docs"]\n'])
@pytest.mark.parametrize(("optional", "local"), [("", ("./vendor/toolz",)), ("optional = true\n", ())])
def test_poetrys_groups_are_installed_unless_optional(
    write: Write, rest: str, optional: str, local: tuple[str, ...]
) -> None:
    """As `poetry install` does, in locks of Poetry 1 and 2."""
    group = f'[tool.poetry.group.docs]\n{optional}[tool.poetry.group.docs.dependencies]\ntoolz = "*"\nsix = "*"\n'
    recipe = read(write(locked(rest, group)))
    assert recipe.local == local
    assert ("six" in recipe.requirements) is bool(local)


def test_poetry_packages_at_an_address_are_taken_by_their_hash(write: Write) -> None:
    """One file, one hash."""
    lock = (
        '[[package]]\nname = "toolz"\nversion = "1"\n'
        f'files = [{{ file = "toolz-1-py3-none-any.whl", hash = "sha256:{SHA}" }}]\n'
        '[package.source]\ntype = "url"\nurl = "https://h/toolz-1-py3-none-any.whl"\n'
    )
    files = {"pyproject.toml": POETRY, "poetry.lock": lock}
    assert read(write(files)).direct == (f"toolz @ https://h/toolz-1-py3-none-any.whl#sha256={SHA}",)


def test_pdm_lock_limits_what_the_project_asks_for(write: Write) -> None:
    """Its pins and hashes count, its folders and git repositories are followed, other groups are left alone."""
    lock = (
        '[metadata]\nrequires_python = ">=3.9"\n'
        f'[[package]]\nname = "toolz"\nversion = "0.11"\nfiles = [{{ file = "t.whl", hash = "sha256:{SHA}" }}]\n'
        '[[package]]\nname = "near"\nversion = "1"\npath = "./vendor/toolz"\neditable = true\nextras = ["q"]\n'
        '[[package]]\nname = "far"\nversion = "1"\ngit = "https://h/far"\nref = "main"\nrevision = "abc"\n'
        'subdirectory = "s"\nmarker = "os_name == \'nt\'"\n'
        '[[package]]\nname = "docs"\nversion = "1"\ngit = "https://h/docs"\ngroups = ["docs"]\n'
    )
    recipe = read(write({"pyproject.toml": WANTS, "pdm.lock": lock, **VENDORED}))
    assert (recipe.requirements, recipe.constraints) == (("toolz",), ("toolz==0.11",))
    assert recipe.hashes == (("toolz", (SHA,)),)
    assert recipe.local == ("-e ./vendor/toolz'[q]'",)
    assert recipe.direct == ('far @ git+https://h/far@abc#subdirectory=s ; os_name == "nt"',)
    assert (recipe.requires_python, recipe.beyond) == (">=3.9", "pdm.lock")


def pylock(rest: str, version: str = "1.0") -> dict[str, str]:
    """A lock by PEP 751."""
    return {"pylock.toml": f'lock-version = "{version}"\n{rest}', **VENDORED}


def test_pylock_gives_packages_their_place(write: Write) -> None:
    """A folder, a commit and an archive are that, not the index's package of the name."""
    rest = (
        '[[packages]]\nname = "toolz"\ndirectory = { path = "vendor/toolz", editable = true }\n'
        '[[packages]]\nname = "far"\nmarker = "os_name == \'nt\'"\n'
        'vcs = { type = "git", url = "https://h/far", commit-id = "abc", subdirectory = "s" }\n'
        f'[[packages]]\nname = "arc"\narchive = {{ url = "https://h/arc.tar.gz", hashes = {{ sha256 = "{SHA}" }} }}\n'
    )
    recipe = read(write(pylock(rest)))
    assert recipe.local == ("-e ./vendor/toolz",)
    assert recipe.direct == (
        'far @ git+https://h/far@abc#subdirectory=s ; os_name == "nt"',
        f"arc @ https://h/arc.tar.gz#sha256={SHA}",
    )


def test_pylocks_default_groups_alone_are_installed(write: Write) -> None:
    """No extra is chosen; markers of both are decided here, because no resolver knows them."""
    rest = (
        'default-groups = ["dev"]\n'
        '[[packages]]\nname = "a"\nversion = "1"\nmarker = "\'gpu\' in extras or \'dev\' in dependency_groups"\n'
        '[[packages]]\nname = "b"\nversion = "1"\nmarker = "\'docs\' not in dependency_groups"\n'
    )
    assert read(write(pylock(rest))).requirements == (
        'a==1; python_version < "2" or python_version >= "2"',
        'b==1; python_version >= "2"',
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (pylock("environments = [\"sys_platform == 'win32'\"]\n"), "other systems than Linux"),
        (pylock("", version="2.0"), "of version 2.0"),
        (pylock('[[packages]]\nname = "x"\ndirectory = { path = "/srv/x" }\n'), "x from a file"),
    ],
)
def test_a_pylock_for_others_is_refused(write: Write, files: dict[str, str], words: str) -> None:
    """Another system, a later form of the file, another machine's folder."""
    assert words in refused(write(files)).message


def test_all_markers_of_a_pipfile_count(write: Write) -> None:
    """Those of the interpreter as well."""
    text = '[packages]\ntoolz = { version = "*", implementation_name = "== \'pypy\'" }\n'
    assert read(write({"Pipfile": text})).requirements == ('toolz; implementation_name == "pypy"',)


def test_a_key_that_stands_twice_in_yaml_is_refused(write: Write) -> None:
    """One of the two lists would be lost in silence."""
    text = "dependencies: [pip: [six]]\nchannels: []\ndependencies: [pip: [toolz]]\n"
    error = refused(write({"environment.yml": text}))
    assert "line 3" in error.message
    assert "`dependencies` stands there twice" in error.message


def test_keys_that_a_mapping_takes_over_may_stand_again(write: Write) -> None:
    """YAML's own way to change what is merged."""
    text = "x: &x {A: '1'}\nvariables:\n  <<: *x\n  A: '2'\n"
    assert read(write({"environment.yml": text})).env == (("A", "2"),)


def test_variables_hold_days_and_leave_path_alone(write: Write) -> None:
    """A day is written as it was; a `PATH` would hide the environment's programs, which is said."""
    recipe = read(write({"environment.yml": "variables:\n  DAY: 2020-01-01\n  PATH: /opt/bin\n"}))
    assert recipe.env == (("DAY", "2020-01-01"),)
    assert said(recipe, "`PATH` is ignored")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"environment.yml": "dependencies:\n- python: 3.10\n"}, "- python=3.12"),
        (
            {"binder/environment.yml": "dependencies: [pip: ['-r requirements.txt']]", "requirements.txt": "six"},
            "../requirements.txt",
        ),
        ({"requirements.txt": "-r parts\\a.txt\n"}, "`parts/a.txt`"),
        ({"requirements.txt": ".\\wheels\\x-1-py3-none-any.whl\n"}, "`./wheels/x-1-py3-none-any.whl`"),
        ({"requirements.txt": "six=1.16.0=pyh6c4a22f_0\n"}, "environment.yml"),
        ({"requirements.txt": "@EXPLICIT\n"}, "environment.yml"),
        ({"requirements.txt": "<<<<<<< HEAD\nsix\n=======\n>>>>>>> a\n"}, "choose one side"),
        ({"environment.yml": "dependencies:\n<<<<<<< HEAD\n- zlib\n=======\n>>>>>>> a\n"}, "choose one side"),
        ({"uv.lock": "<<<<<<< HEAD\nversion = 1\n=======\n>>>>>>> a\n", "pyproject.toml": WANTS}, "choose one side"),
        ({"apt.txt": LFS}, "git lfs pull"),
        ({"Pipfile.lock": LFS}, "git lfs pull"),
        ({"postBuild": LFS}, "git lfs pull"),
        ({"start": "#!/bin/bash\r\ntrue\r\n"}, "dos2unix"),
        ({"requirements.txt": "import numpy as np\n"}, "that it imports from"),
        ({"requirements.txt": "from bs4 import BeautifulSoup\n"}, "that it imports from"),
        ({"requirements.txt": "Python 3.8\n"}, "`python-3.8`"),
        ({"requirements.txt": "numpy latest\n"}, "name alone"),
        ({"requirements.txt": "pandas version 1.2\n"}, "name alone"),
        ({"requirements.txt": "numpy\u00a0>=1.20\n"}, "cannot be seen"),
        ({"environment.yml": "dependencies: []\nvariables:\n  A:\n"}, '`A: ""`'),
        ({"requirements.txt": "<!DOCTYPE html>\n"}, "web page"),
        ({"requirements.txt": "dependencies:\n  - six\n"}, "another kind of file"),
        ({"requirements.txt": "- six\n"}, "without a dash"),
        ({"requirements.txt": "six -U\n"}, "Options of pip's command"),
        ({"requirements.txt": "!pip install six\n"}, "without commands"),
        ({"requirements.txt": "six, toolz\n"}, "line of its own"),
        ({"requirements.txt": "six=>1.0\n"}, "`package>=1.2`"),
        ({"requirements.txt": "six==latest\n"}, "`package>=1.2`"),
        ({"requirements.txt": "'six==1.16.0'\n"}, "a shell's"),
        ({"requirements.txt": "six 1.16.0\n"}, "Use `==`"),
        ({"requirements.txt": "Package    Version\n---------- -------\nsix        1.16.0\n"}, "pip list --format"),
        ({"environment.yml": "dependencies:\n\t- python=3.11\n"}, "takes no tabs"),
        ({"requirements.txt": "six\u22651.0\n"}, "typographic"),
        ({"requirements.txt": "six#why\n"}, "space before its `#`"),
        ({"requirements.txt": "x @ https://${TOKEN}@h/x.whl\n"}, "Leave it out."),
        ({"pyproject.toml": START + 'dependencies = ["x @ file:///${PROJECT_ROOT}/x"]\n'}, "[tool.uv.sources]"),
        ({"pyproject.toml": START + 'dependencies = ["x @ {root:uri}/x"]\n'}, "[tool.uv.sources]"),
        ({"apt.txt": "sudo apt-get -y install ffmpeg\n"}, "names alone"),
        ({"apt.txt": "--no-install-recommends\n"}, "Options of apt"),
    ],
)
def test_a_hint_fits_the_mistake(write: Write, files: dict[str, str], words: str) -> None:
    """What is written there instead of a package or path, as people do."""
    error = refused(write(files))
    assert words in error.hint, error.hint
    assert "change that password" not in error.hint


@pytest.mark.parametrize(
    ("said", "allowed"), [(">=3.8,<3.11", "<3.11,>=3.8"), (">=3.6.*", ">=3.6"), ("", None), ("\n  >=3.9", ">=3.9")]
)
def test_setup_cfg_says_for_which_python_the_package_is(write: Write, said: str, allowed: str | None) -> None:
    """Where setuptools reads it; a `pyproject.toml` with a project, or a binder folder, comes before it."""
    files = {"setup.py": "", "setup.cfg": f"[metadata]\nname = x\n[options]\npython_requires = {said}\n"}
    assert read(write(files)).requires_python == allowed
    project = {"pyproject.toml": '[project]\nname = "x"\nversion = "1"\n'}
    assert read(write(files | project)).requires_python is None


def test_a_sha256_beside_other_hashes_is_enough(write: Write) -> None:
    """As pip takes whichever it knows."""
    line = f"six==1.16.0 --hash=sha512:{'e' * 128} --hash=sha256:{SHA}\n"
    assert read(write({"requirements.txt": line})).hashes == (("six", (SHA,)),)


def test_two_packages_of_one_line_of_apt_are_packages(write: Write) -> None:
    """Also where one of them is called `sudo`, and where the line goes on."""
    assert read(write({"apt.txt": "sudo vim-tiny \\\ngit # and more\n"})).apt == ("git", "sudo", "vim-tiny")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"runtime.txt": "Python-3.9"}, "in small letters"),
        ({"runtime.txt": "python-3.9-2024-01-01"}, "date in `runtime.txt` is ignored"),
        ({"env.yml": "dependencies: []"}, "`env.yml` is not read: what counts is `environment.yml`."),
        ({"binder/postBuild.sh": ""}, "`binder/postBuild.sh` is not read: what counts is `postBuild`."),
        ({"Aptfile": "ffmpeg"}, "`Aptfile` is not read: what counts is `apt.txt`."),
        ({"conda-lock.yml": "", "environment.yml": "dependencies: [zlib]"}, "`conda-lock.yml` is not read"),
        ({"Binder/requirements.txt": "six"}, "The folder `Binder` does not count"),
        ({"requirements/base.txt": "six"}, "`requirements/base.txt` is not read: what counts is `requirements.txt`."),
        ({"code/requirements.txt": "six"}, "`code/requirements.txt` is not read"),
        ({"envs/environment.yml": "dependencies: []"}, "`envs/environment.yml` is not read"),
        ({"conda-lock.yml": ""}, "`conda-lock.yml` is not read: what counts is `environment.yml`."),
        ({".devcontainer/Dockerfile": "FROM x"}, "`.devcontainer/Dockerfile` is not read"),
        ({"setup.cfg": "[metadata]\nname = x\n[options]\ninstall_requires = six\n"}, "beside a `setup.py`"),
        ({"environment.yml": "dependencies: [python]\npip: [six]\n"}, "`- pip:` in the list below `dependencies`"),
        ({"environment.yml": "dependancies: [python]\n"}, "what counts is `dependencies`"),
        ({"environment.yml": "dependencies:\n- pip:\n- six\n"}, "indented further"),
    ],
)
def test_what_is_named_nearly_right_is_said(write: Write, files: dict[str, str], words: str) -> None:
    """The default is built, as repo2docker does, and not in silence."""
    assert said(read(write(files)), words)


def test_a_list_beside_another_is_not_complained_about(write: Write) -> None:
    """pip-tools' source beside what it makes, and settings of tools."""
    other = {"requirements.in": "six", "env.yml": "", "requirements/base.txt": "six", "setup.cfg": "[metadata]\n"}
    assert not read(write({"requirements.txt": "six", **other})).warnings


def test_settings_of_tools_are_no_package(write: Write) -> None:
    """A `setup.cfg` of a linter says nothing of what is needed."""
    assert not read(write({"setup.cfg": "[flake8]\nmax-line-length = 100\n"})).warnings


CALLS = "#!/bin/bash -l\nset -e\n# conda install six\necho; mamba install -y six\nconda clean -a\n"


def test_what_conda_becomes_is_said_before_the_build(write: Write) -> None:
    """What of it is not known, by its line; that packages are installed; and that no server has it at its start."""
    script = f"{CALLS}conda create -n old python=2.7\n"
    recipe = read(write({"postBuild": script, "start": '#!/bin/sh\n# conda run\nconda activate\nexec "$@"\n'}))
    assert [one for one in recipe.warnings if "conda" in one] == [
        "`start` calls `conda` in line 3, which is not there: `postBuild` has it, or list the packages in "
        "environment.yml, where `conda` itself may stand too.",
        "`postBuild` calls `conda create` in line 6, which is not known here: list the packages in environment.yml, "
        "where `conda` itself may stand too.",
        "`postBuild` installs conda packages: by a command of Hubkiln's own, beside what is there.",
    ]


def test_a_script_that_installs_conda_packages_gets_condas_python(write: Write) -> None:
    """As in repo2docker's images, and what they are placed with; one that only looks changes nothing."""
    asked = {"requirements.txt": "six\n", "runtime.txt": "python-3.12\n"}
    recipe = read(write(asked | {"postBuild": "conda install -y zlib\n"}))
    assert (recipe.conda, recipe.python, recipe.requirements) == (("python",), "3.12", ("six", "py-rattler"))
    looking = "#!/bin/sh\nconda list\nconda activate base\nconda info --envs\nconda env list\nmamba env export\n"
    looks = read(write(asked | {"postBuild": looking}))
    assert (looks.conda, looks.requirements) == ((), ("six",))
    assert said(looks, "`mamba env export` in line 6, which is not known here") and not said(looks, "installs conda")
    old = read(write({"runtime.txt": "python-3.8\n", "postBuild": "conda install -y zlib\n"}))
    assert (old.conda, old.requirements, old.server) == (("python",), ("six",), ("py-rattler",))
    both = {"environment.yml": "dependencies: [zlib]\n", "postBuild": "mamba env update -f more.yml\n"}
    recipe = read(write(both))
    assert (recipe.conda, recipe.requirements) == (("zlib",), ("py-rattler",))


@pytest.mark.parametrize(
    "files",
    [
        {"postBuild": CALLS, "environment.yml": "dependencies: ['conda-forge::mamba>=1', zlib]"},
        {"postBuild": "#!/bin/sh\npip install conda-lock\n/opt/miniconda/setup install\nls anaconda list\n"},
    ],
)
def test_conda_that_is_there_is_not_complained_about(write: Write, files: dict[str, str]) -> None:
    """Because environment.yml brings it, or because it is something else that is called so."""
    assert not said(read(write(files)), "conda")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM python:3.7-slim\n", "older than 3.10"),
        ("FROM docker.io/library/python:2.7\n", "older than 3.10"),
        ("ARG V=3.9\nFROM --platform=linux/amd64 python:${V}-bookworm AS a\nFROM node:20 AS b\nFROM A\n", "older"),
        ("# c\nfrom alpine:3.20\n", "Alpine"),
        ("FROM python:3.12-alpine3.20\n", "Alpine"),
    ],
)
def test_a_base_that_takes_no_server_of_ours_is_said(write: Write, text: str, words: str) -> None:
    """Before minutes of building; it can still be run by hand."""
    recipe = read(write({"Dockerfile": text}))
    assert said(recipe, words) and said(recipe, "install `jupyterhub` in it")


@pytest.mark.parametrize(
    "text",
    [
        "FROM python:3.12\n",
        "FROM python:3\n",
        "FROM python:latest\n",
        "FROM python:3.8\nRUN pip install jupyterhub==4\n",
        "FROM quay.io/jupyter/base-notebook\n",
        "FROM python:3.7 AS old\nFROM debian:12\nCOPY --from=old /x /x\n",
    ],
)
def test_other_bases_are_not_complained_about(write: Write, text: str) -> None:
    """With a Python that will do, a server in them, or nothing that a name tells."""
    assert not read(write({"Dockerfile": text})).warnings


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (b'\xef\xbb\xbf#!/bin/bash\nexec "$@"\n', "cannot be seen"),
        (b'#!/bin/bash\nexport A=1\n# exec "$@"\n', "should end with"),
        (b"", "should end with"),
        (b"#!/usr/bin/python3\nimport os\n", "should end with"),
    ],
)
def test_a_start_that_starts_nothing_is_said(write: Write, script: bytes, words: str) -> None:
    """Which is tried when it is built."""
    assert said(read(write({"start": script})), words)


WINDOWS = [
    b'#!/bin/bash\r\nexec "$@"\r\n',
    b'#!/usr/bin/env -S bash -e\n\nset -e\r\nexec "$@"\n',
    b'export A=1\r\nexec "$@"',
]


@pytest.mark.parametrize("script", WINDOWS)
def test_a_start_that_no_interpreter_understands_is_refused(write: Write, script: bytes) -> None:
    """Before anything is made for it; below a first line that is right too."""
    assert "Windows line endings" in refused(write({"start": script})).message


@pytest.mark.parametrize("script", WINDOWS)
def test_a_post_build_with_windows_lines_is_run_without_them(write: Write, script: bytes) -> None:
    """Which is said."""
    assert said(read(write({"postBuild": script})), "`postBuild` has Windows line endings: it is run without them.")


@pytest.mark.parametrize("name", ["start", "postBuild"])
def test_a_script_in_utf_16_is_refused(write: Write, name: str) -> None:
    """Nothing here runs it."""
    assert "saved as UTF-16" in refused(write({name: "#!/bin/sh\nexec true\n".encode("utf-16")})).message


def test_a_post_build_with_a_mark_is_run_without_it(write: Write) -> None:
    """Its first line counts then."""
    assert said(read(write({"postBuild": b"\xef\xbb\xbf#!/bin/bash\n:\n"})), "(BOM): it is run without it.")


@pytest.mark.parametrize(
    "script",
    [
        b'#!/bin/sh\nexec "$@"',
        b'#!/bin/bash -l\nsource x\n"$@"\n',
        b"#!/usr/bin/env python3\r\n"[:-2] + b"\nimport os, sys\r\nos.execvp(sys.argv[1], sys.argv[1:])\r\n",
        b"#!/usr/bin/env Rscript\nsystem2(commandArgs(TRUE))\n",
        b"\x7fELF\0\0\r\n",
    ],
)
def test_a_start_that_goes_on_is_not_complained_about(write: Write, script: bytes) -> None:
    """In whatever language; Python takes Windows' lines below the first."""
    assert not read(write({"start": script})).warnings


def uv_lock(source: str, more: str = "", version: int = 1) -> dict[str, str]:
    """A project that asks for `toolz`, and where its lock takes that from."""
    root = '[[package]]\nname = "demo"\nversion = "1"\nsource = { virtual = "." }\n'
    package = f'[[package]]\nname = "toolz"\nversion = "1"\nsource = {{ {source} }}\n{more}'
    return {
        "pyproject.toml": WANTS,
        "uv.lock": f'version = {version}\n{root}dependencies = [{{ name = "toolz" }}]\n{package}',
    }


def test_uvs_packages_at_an_address_are_taken_by_their_hash(write: Write) -> None:
    """Where the lock has one file of it, and its hash."""
    file = f'wheels = [{{ url = "https://h/toolz-1-py3-none-any.whl", hash = "sha256:{SHA}" }}]\n'
    recipe = read(write(uv_lock('url = "https://h/toolz-1-py3-none-any.whl"', file)))
    assert recipe.direct == (f"toolz @ https://h/toolz-1-py3-none-any.whl#sha256={SHA}",)
    assert recipe.requirements == ()


def test_a_uv_lock_of_a_later_form_is_refused(write: Write) -> None:
    """What it says is not guessed."""
    assert "version" in refused(write(uv_lock('registry = "https://pypi.org/simple"', version=2))).message


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {".python-version": "3.9\n", "requirements.txt": "six"},
            "`.python-version` is not read: what counts is `runtime.txt`",
        ),
        ({".tool-versions": "python 3.9.1\n"}, "`.tool-versions` is not read"),
        ({"renv.lock": "{}"}, "`renv.lock` is not read"),
        ({"Containerfile": "FROM x\n", "requirements.txt": "six"}, "what counts is `Dockerfile`"),
        ({"flake.nix": ""}, "what counts is `default.nix`"),
        ({"Manifest.toml": ""}, "what counts is `Project.toml`"),
    ],
)
def test_other_tools_files_are_not_passed_over_in_silence(write: Write, files: dict[str, str], words: str) -> None:
    """Which Python, which language, which system: asked for in a file that nobody here reads."""
    assert said(read(write(files)), words)


@pytest.mark.parametrize("more", [{"runtime.txt": "python-3.12"}, {"environment.yml": "dependencies: [python=3.12]"}])
def test_a_python_asked_for_twice_is_not_complained_about(write: Write, more: dict[str, str]) -> None:
    """The file that counts is there."""
    assert not said(read(write({".python-version": "3.12\n", **more})), "python-version")
