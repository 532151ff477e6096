"""Everything people type and links say, and what it means."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubkiln.errors import BadSpec
from hubkiln.repositories import (
    RepositorySettings,
    Source,
    parse_provider_path,
    parse_spec,
    provider_path,
    recognise,
)
from hubkiln.values import Spec

SERVICE = RepositorySettings()
COMMAND_LINE = RepositorySettings(allow_local_folders=True)
COMMIT = "0123456789abcdef0123456789abcdef01234567"

TYPED = [
    ("org/repo", "gh", "org/repo", "HEAD", ""),
    ("org/repo.git", "gh", "org/repo", "HEAD", ""),
    ("git/git", "gh", "git/git", "HEAD", ""),
    ("gh/org/repo", "gh", "org/repo", "HEAD", ""),
    ("gh/org/repo/", "gh", "org/repo", "HEAD", ""),
    ("gh/org/repo.git/HEAD", "gh", "org/repo", "HEAD", ""),
    ("gh/org/repo/feature/x", "gh", "org/repo", "feature/x", ""),
    ("gl/group%2Fsub%2Fproject/main", "gl", "group/sub/project", "main", ""),
    ("gl/group%2Fproject", "gl", "group/project", "HEAD", ""),
    ("gl/group%252Fsub%252Fproject/main", "gl", "group/sub/project", "main", ""),
    ("git/https%253A%252F%252Fhost%252Fr.git/main", "git", "https://host/r.git", "main", ""),
    ("git/https%3A%2F%2Fhost%2Fa%252Fr.git/HEAD", "git", "https://host/a%2Fr.git", "HEAD", ""),
    ("gh/org/repo/a%252Fb", "gh", "org/repo", "a%2Fb", ""),
    ("gl/group/project/main", "gl", "group/project", "main", ""),
    ("gist/user/0123abcd/master", "gist", "user/0123abcd", "master", ""),
    ("git/https%3A%2F%2Fhost%2Fr.git/main", "git", "https://host/r.git", "main", ""),
    ("git/https%3A%2F%2Fhost%2Fr.git/", "git", "https://host/r.git", "HEAD", ""),
    ("git/https://host/r.git/feature/x", "git", "https://host/r.git", "feature/x", ""),
    ("https://github.com/org/repo", "gh", "org/repo", "HEAD", ""),
    ("http://www.github.com/org/repo.git/", "gh", "org/repo", "HEAD", ""),
    ("github.com/org/repo", "gh", "org/repo", "HEAD", ""),
    ("https://github.com/org/repo?tab=readme-ov-file#readme", "gh", "org/repo", "HEAD", ""),
    ("https://github.com/org/repo/tree/main/docs/intro", "gh", "org/repo", "main", "docs/intro"),
    ("https://github.com/org/repo/blob/v1/docs/a.ipynb", "gh", "org/repo", "v1", ""),
    (f"https://github.com/org/repo/commit/{COMMIT}", "gh", "org/repo", COMMIT, ""),
    ("https://github.com/org/repo/releases/tag/v1.0", "gh", "org/repo", "v1.0", ""),
    ("https://github.com/org/repo/pull/7/files", "gh", "org/repo", "refs/pull/7/head", ""),
    ("https://gitlab.com/group/sub/project/-/tree/main/docs", "gl", "group/sub/project", "main", "docs"),
    ("https://gitlab.example.org/a/b/-/tree/main", "git", "https://gitlab.example.org/a/b.git", "main", ""),
    ("https://gist.github.com/user/0123abcd", "gist", "user/0123abcd", "HEAD", ""),
    ("HTTPS://Host.Example:443/Path/R.git/", "git", "https://host.example/Path/R.git", "HEAD", ""),
    ("http://host:8080/r.git", "git", "http://host:8080/r.git", "HEAD", ""),
    ("git@host:group/r.git", "git", "ssh://git@host/group/r.git", "HEAD", ""),
    ("ssh://git@host:2222/r.git", "git", "ssh://git@host:2222/r.git", "HEAD", ""),
    ("inline/numpy,pandas==2.2", "inline", "numpy,pandas==2.2", "HEAD", ""),
    ("inline/Pandas>=2,<3,numpy", "inline", "numpy,pandas<3,>=2", "HEAD", ""),
    ("inline/dask[array,complete]", "inline", "dask[array,complete]", "HEAD", ""),
    ("inline/numpy pandas==2.2", "inline", "numpy,pandas==2.2", "HEAD", ""),
    ("https://github.com/org/repo/archive/refs/heads/main.zip", "gh", "org/repo", "refs/heads/main", ""),
    ("https://gitlab.com/group/project/-/archive/v1/project-v1.zip", "gl", "group/project", "v1", ""),
    ("codeberg/org/repo/feature/x", "codeberg", "org/repo", "feature/x", ""),
    ("https://codeberg.org/org/repo/src/branch/main/docs", "codeberg", "org/repo", "main", "docs"),
    ("https://codeberg.org/org/repo/src/branch/main/a.ipynb", "codeberg", "org/repo", "main", ""),
    ("https://codeberg.org/org/repo/pulls/7", "codeberg", "org/repo", "refs/pull/7/head", ""),
    ("https://forge.example.org/a/b/src/tag/v1/docs", "git", "https://forge.example.org/a/b.git", "v1", "docs"),
    ("bitbucket/work/repo/main", "bitbucket", "work/repo", "main", ""),
    ("https://bitbucket.org/work/repo/src/main/docs", "bitbucket", "work/repo", "main", "docs"),
    ("bitbucket.org/work/repo", "bitbucket", "work/repo", "HEAD", ""),
    ("10.5281/zenodo.3242074", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("doi:10.5281/Zenodo.3242074", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("https://doi.org/10.5281/zenodo.3242074", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("doi.org/10.5281/zenodo.3242074", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("https://zenodo.org/records/3242074?preview=1", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("https://zenodo.org/record/3242074", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("https://zenodo.org/doi/10.5281/zenodo.3242074", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("zenodo/10.5281/zenodo.3242074/", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("zenodo/10.5281/zenodo.3242074/HEAD", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("zenodo/zenodo", "gh", "zenodo/zenodo", "HEAD", ""),
    ("ckan/ckan", "gh", "ckan/ckan", "HEAD", ""),
    ("10.6084/m9.figshare.9782777.v2", "figshare", "10.6084/m9.figshare.9782777.v2", "HEAD", ""),
    ("https://figshare.com/articles/code/A_title/9784088", "figshare", "10.6084/m9.figshare.9784088", "HEAD", ""),
    ("https://figshare.com/articles/code/A/9784088/3", "figshare", "10.6084/m9.figshare.9784088.v3", "HEAD", ""),
    ("doi:10.7910/DVN/TJCLKP", "dataverse", "10.7910/DVN/TJCLKP", "HEAD", ""),
    ("https://dataverse.harvard.edu/dataset.xhtml?persistentId=doi:10.7910/DVN/TJCLKP", "dataverse",
     "10.7910/DVN/TJCLKP", "HEAD", ""),
    ("https://data.example.org/file.xhtml?persistentId=doi:10.7910/DVN/6ZXAGT/3YRRYJ", "dataverse",
     "10.7910/DVN/6ZXAGT", "HEAD", ""),
    ("https://www.hydroshare.org/resource/8f7c2f0341ef4180b0dbe97f59130756/", "hydroshare",
     "8f7c2f0341ef4180b0dbe97f59130756", "HEAD", ""),
    ("10.4211/hs.8f7c2f0341ef4180b0dbe97f59130756", "hydroshare", "8f7c2f0341ef4180b0dbe97f59130756", "HEAD", ""),
    ("hydroshare/https%3A%2F%2Fwww.hydroshare.org%2Fresource%2F8f7c2f0341ef4180b0dbe97f59130756", "hydroshare",
     "8f7c2f0341ef4180b0dbe97f59130756", "HEAD", ""),
    ("https://demo.ckan.org/dataset/sample-1", "ckan", "https://demo.ckan.org/dataset/sample-1", "HEAD", ""),
    ("ckan/https%3A%2F%2Fdemo.ckan.org%2Fdataset%2Fsample-1/HEAD", "ckan", "https://demo.ckan.org/dataset/sample-1",
     "HEAD", ""),
    ("10.1234/other.thing", "doi", "10.1234/other.thing", "HEAD", ""),
    (f"swh:1:rev:{COMMIT}", "swh", f"swh:1:rev:{COMMIT}", "HEAD", ""),
    (f"swhid/swh:1:dir:{COMMIT}", "swh", f"swh:1:dir:{COMMIT}", "HEAD", ""),
    (f"swh:1:dir:{'a' * 40};origin=https://github.com/a/b;anchor=swh:1:rev:{COMMIT};path=/docs/", "swh",
     f"swh:1:rev:{COMMIT}", "HEAD", "docs"),
    (f"https://archive.softwareheritage.org/swh:1:dir:{COMMIT};origin=https://h/x", "swh", f"swh:1:dir:{COMMIT}",
     "HEAD", ""),
    (f"https://archive.softwareheritage.org/browse/revision/{COMMIT}/", "swh", f"swh:1:rev:{COMMIT}", "HEAD", ""),
    ("https://host/course.tar.gz", "archive", "https://host/course.tar.gz", "HEAD", ""),
    (f"https://host/course.zip#sha256={'a' * 64}", "archive", "https://host/course.zip", "a" * 64, ""),
    ("https://mybinder.org/v2/gh/org/repo/main?urlpath=lab", "gh", "org/repo", "main", ""),
    ("https://mybinder.org/v2/git/https%3A%2F%2Fhost%2Fr.git/main", "git", "https://host/r.git", "main", ""),
    ("https://mybinder.org/v2/zenodo/10.5281/zenodo.3242074/", "zenodo", "10.5281/zenodo.3242074", "HEAD", ""),
    ("https://hub.example.org/services/binder/v2/gl/a%2Fb%2Fc/main", "gl", "a/b/c", "main", ""),
    ("https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Forg%2Frepo&branch=dev", "gh",
     "org/repo", "dev", ""),
    ("https://nbviewer.org/github/org/repo/blob/main/docs/a.ipynb", "gh", "org/repo", "main", ""),
    ("https://colab.research.google.com/github/org/repo/blob/main/a.ipynb", "gh", "org/repo", "main", ""),
    ("https://raw.githubusercontent.com/org/repo/main/a.ipynb", "gh", "org/repo", "main", ""),
    ("inline/numpy%2Cpython=3.12", "inline", "python==3.12,numpy", "HEAD", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "provider", "repository", "ref", "subdir"), TYPED, ids=[row[0] for row in TYPED])
def test_what_is_typed_names_one_repository(text: str, provider: str, repository: str, ref: str, subdir: str) -> None:
    """Each way to write a repository gives its one canonical spec."""
    expected = Spec(provider=provider, repository=repository, ref=ref, subdir=subdir)
    assert parse_spec(text, settings=SERVICE) == expected


OPENS = [
    ("https://github.com/org/repo/blob/main/docs/a b.ipynb", "lab/tree/docs/a%20b.ipynb"),
    ("https://github.com/org/repo/tree/main/docs", ""),
    ("https://mybinder.org/v2/gh/org/repo/main?labpath=docs%2Fa.ipynb", "doc/tree/docs/a.ipynb"),
    ("https://mybinder.org/v2/gh/org/repo/main?filepath=a.ipynb&urlpath=lab", "tree/a.ipynb"),
    ("https://mybinder.org/v2/gh/org/repo/main?urlpath=%2Frstudio", "rstudio"),
    ("https://mybinder.org/v2/gh/org/repo/main?urlpath=https%3A%2F%2Fevil.example", ""),
    ("https://mybinder.org/v2/gh/org/repo/main?urlpath=lab%2F..%2F..%2Fhub%2Flogout", ""),
    ("https://mybinder.org/v2/gh/org/repo/main?urlpath=lab%252F..%252F..", ""),
    ("https://mybinder.org/v2/gh/org/repo/main?urlpath=%2F%2Fevil.example", "evil.example"),
    ("https://h/hub/user-redirect/git-pull?repo=https%3A%2F%2Fh%2Fr.git&urlpath=lab%2Ftree%2Fr%2Fa.ipynb",
     "lab/tree/r/a.ipynb"),
    ("org/repo", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "opens"), OPENS, ids=[row[0] for row in OPENS])
def test_what_a_link_opens_is_a_path_of_the_server(text: str, opens: str) -> None:
    """A notebook's page and a Binder link say what to open; what leads off the server is left out."""
    assert recognise(text, settings=SERVICE).opens == opens


NAMED = RepositorySettings(
    sources=(
        Source("forge", "gitea", "https://forge.example.org/git"),
        Source("uni", "gitlab", "https://gitlab.example.org"),
        Source("sandbox", "zenodo", "https://sandbox.zenodo.org"),
        Source("codeberg", "gitea", "https://mirror.example.org"),
    )
)


@pytest.mark.parametrize(
    ("text", "provider", "repository", "ref"),
    [
        ("forge/org/repo/main", "forge", "org/repo", "main"),
        ("https://forge.example.org/git/org/repo/src/branch/main", "forge", "org/repo", "main"),
        ("uni/a%2Fb%2Fc/main", "uni", "a/b/c", "main"),
        ("https://gitlab.example.org/a/b/c/-/tree/main", "uni", "a/b/c", "main"),
        ("https://sandbox.zenodo.org/records/12", "sandbox", "12", "HEAD"),
        ("https://mirror.example.org/a/b", "codeberg", "a/b", "HEAD"),
    ],
)
def test_a_source_of_the_admin_is_known_by_name_and_by_its_pages(
    text: str, provider: str, repository: str, ref: str
) -> None:
    """A named source's links begin with its name; its pages are understood; a known name can be given elsewhere."""
    spec = parse_spec(text, settings=NAMED)
    assert (spec.provider, spec.repository, spec.ref) == (provider, repository, ref)


def test_a_record_has_no_branches() -> None:
    """A branch beside a DOI is refused, not ignored."""
    with pytest.raises(BadSpec, match="no branches"):
        parse_spec("10.5281/zenodo.1", "dev", settings=SERVICE)


@pytest.mark.parametrize("text", [row[0] for row in TYPED if row[1] != "inline"])
def test_a_link_made_of_a_spec_means_the_same(text: str) -> None:
    """`provider_path` and `parse_provider_path` are inverse for everything that can be typed."""
    spec = parse_spec(text, settings=SERVICE)
    provider, _, rest = provider_path(spec).partition("/")
    assert parse_provider_path(provider, rest, subdir=spec.subdir, settings=SERVICE) == spec


def test_a_ref_beside_the_text_wins_and_says_where_it_ends() -> None:
    """A ref with a slash in a page's address is understood when it is given beside it."""
    spec = parse_spec("https://github.com/org/repo/tree/feature/x/docs", "feature/x", settings=SERVICE)
    assert (spec.ref, spec.subdir) == ("feature/x", "docs")


def test_the_admins_hosts_count_as_github_and_gitlab() -> None:
    """With another address for GitHub, its pages are understood like GitHub's."""
    settings = RepositorySettings(github="https://git.example.org:8443")
    spec = parse_spec("https://git.example.org:8443/org/repo/tree/main", settings=settings)
    assert (spec.provider, spec.repository, spec.ref) == ("gh", "org/repo", "main")


@pytest.mark.parametrize(
    "text",
    [
        "", "word", "a/b/c", "git://host/r.git", "ext::sh -c id", "file:///etc", "/etc", "./x", "~", "ftp://host/r.git",
        "https://", "https://host", "https://host/", "https:///r.git", "https://ho st/r", "https://host/r?x=y",
        "ssh://-oProxyCommand=id/r.git", "-x@host:r", "git@host:", "git/",
        "zenodo/10.5281/not a record", "10.5281", "doi:10.5281", "figshare/10.6084/m9.figshare.x",
        "ckan/https%3A%2F%2Fh",
        "swh:1:cnt:0123456789abcdef0123456789abcdef01234567", "hydroshare/123/4", "archive/https%3A%2F%2Fh%2Fx.exe",
        "org/..", "../etc", "or g/repo", "inline/", "inline/,", "inline/-r x", "inline/a @ https://h/x.whl",
        "inline/numpy==1,numpy==2", "gist/user/not-hex", "https://github.com/org", "https://github.com/org/repo/what",
        "local//etc/HEAD", "org/\nrepo",
    ],
)  # fmt: skip
def test_what_names_no_repository_is_refused_with_a_hint(text: str) -> None:
    """Anything else is a BadSpec that says what to do."""
    with pytest.raises(BadSpec) as caught:
        parse_spec(text, settings=SERVICE)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "https://user:s3cret@host/r.git",
        "https://s3cret@host/r.git",
        "ssh://git:s3cret@host/r",
        "git/https%3A%2F%2Fs3cret%40host%2Fr.git/main",
    ],
)
def test_credentials_are_refused_and_not_repeated(text: str) -> None:
    """An address with a password is refused without showing it again."""
    with pytest.raises(BadSpec, match="user name or password") as caught:
        parse_spec(text, settings=SERVICE)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "ref", ["-x", "--upload-pack=id", "a b", "a..b", "a~1", "a^", "a:b", "a\x00b", "x.lock", "a//b", "@{1}", "ä\nb"]
)
def test_refs_that_git_could_misread_are_refused(ref: str) -> None:
    """A ref that is no plain name never reaches git."""
    with pytest.raises(BadSpec):
        parse_spec("org/repo", ref, settings=SERVICE)


@pytest.mark.parametrize("subdir", ["..", "a/../..", "a\\b", "a\x00", ".git"])
def test_folders_that_leave_the_repository_are_refused(subdir: str) -> None:
    """A folder cannot lead out of the repository."""
    with pytest.raises(BadSpec):
        parse_spec("org/repo", subdir=subdir, settings=SERVICE)


def test_the_command_line_takes_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that exists, or is written as a path, is a folder where that is allowed."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path)
    for text in ("project", "./project", str(tmp_path / "project")):
        assert parse_spec(text, settings=COMMAND_LINE) == Spec(provider="local", repository=str(tmp_path / "project"))
    assert parse_spec("org/repo", settings=COMMAND_LINE).provider == "gh"


PIECES = ["http://", "https:/", "[", "]", ":", "/", "%2F", "%5B", "@", "?", "#", "h", "dataset/", ".zip", "v2/", ":0"]
ANY = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
"""What people type, and parts of addresses in no order."""

SAME = settings(max_examples=200, derandomize=True)
"""Each run tries the same."""


@SAME
@example("http://[", "ckan/")
@given(
    ANY,
    st.sampled_from(
        [
            "",
            "gh/",
            "git/",
            "gl/",
            "gist/",
            "inline/",
            "https://",
            "git@",
            "https://github.com/",
            "zenodo/",
            "swh:1:",
            "10.5281/",
            "https://h/dataset/",
            "https://mybinder.org/v2/",
            "ckan/",
            "archive/",
            "doi:",
        ]
    ),
)
def test_any_text_is_a_spec_or_refused(text: str, prefix: str) -> None:
    """Whatever is typed, it is understood or refused; and what is understood is understood the same when repeated."""
    try:
        spec = parse_spec(prefix + text, settings=SERVICE)
    except BadSpec:
        return
    provider, _, rest = provider_path(spec).partition("/")
    assert parse_provider_path(provider, rest, subdir=spec.subdir, settings=SERVICE) == spec


@SAME
@example("http%3A%2F%2F[%2Fdataset%2Fa", "ckan")
@given(
    ANY,
    st.sampled_from(["git", "gh", "gl", "gist", "inline", "zenodo", "ckan", "swh", "doi", "archive", "figshare", "x"]),
)
def test_any_link_is_a_spec_or_refused(rest: str, provider: str) -> None:
    """Whatever a link holds, nothing but BadSpec is raised."""
    with suppress(BadSpec):
        parse_provider_path(provider, rest, settings=SERVICE)


@pytest.mark.parametrize(
    "rest", ["gh/lab", "gist/abc", "bitbucket/lab", "hydroshare/1", "doi/x", "local/etc", "gh//waves/HEAD", ""]
)
def test_a_links_first_part_is_a_provider(rest: str) -> None:
    """What is typed as ``gist/abc`` is somebody's on GitHub; of a launch link nothing is guessed."""
    with pytest.raises(BadSpec) as refused:
        recognise(f"/v2/{rest}", settings=SERVICE)
    with pytest.raises(BadSpec, match=re.escape(refused.value.message)):
        parse_provider_path(*rest.partition("/")[::2], settings=SERVICE)  # as the service's own launch page does


@pytest.mark.parametrize(
    "link", ["gh/lab/waves/feature/x", "gist/ada/abc123", "inline/numpy,pandas%3D%3D2", "doi/10.5281/zenodo.3242074"]
)
def test_a_whole_link_means_what_it_means_when_typed(link: str) -> None:
    """With what the hub puts before it, and a ref beside it that wins."""
    assert recognise(f"/v2/{link}", settings=SERVICE) == recognise(link, settings=SERVICE)
    assert recognise("/v2/gh/lab/waves/HEAD", "dev", subdir="docs", settings=SERVICE).spec == Spec(
        provider="gh", repository="lab/waves", ref="dev", subdir="docs"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gh/lab/waves/%FF%FE", "That link is not well-formed."),
        ("gh/lab/w%C3%A4ves/HEAD", "`lab/wäves` does not name"),
        ("gh/lab/%E2%80%AEsevaw/HEAD", r"`lab/\\u202esevaw` does not name"),
    ],
)
def test_of_a_refused_link_what_can_be_read_is_said(text: str, message: str) -> None:
    """Letters of any script as they are; what is no text, or turns the text around it, is not let through."""
    with pytest.raises(BadSpec, match=message):
        recognise(text, settings=SERVICE)


@pytest.mark.parametrize("text", ["http://[::1", "https://github.com:999999/a/b", "https://github.com:x/a/b"])
def test_a_malformed_host_or_port_is_said(text: str) -> None:
    """Not an error of ours."""
    with pytest.raises(BadSpec):
        parse_spec(text, settings=RepositorySettings())


ADDRESSES = Path(__file__).parents[3] / "ui/src/testing/addresses.json"


@pytest.mark.parametrize("given", json.loads(ADDRESSES.read_text()), ids=lambda given: str(given["address"]))
def test_what_the_page_writes_for_a_spec_names_that_spec(given: dict[str, Any]) -> None:
    """The page's tests expect these addresses of these specs; typed, each means its spec again."""
    spec = parse_spec(given["address"], settings=RepositorySettings())
    assert (spec.provider, spec.repository, spec.ref) == (given["provider"], given["repository"], "HEAD")
    assert spec.packages.splitlines() == given.get("packages", [])


@pytest.mark.parametrize(
    ("text", "repository", "ref", "packages"),
    [
        ("org/repo + numpy", "org/repo", "HEAD", ["numpy"]),
        ("org/repo +Pandas==2.2 numpy", "org/repo", "HEAD", ["numpy", "pandas==2.2"]),
        ("https://github.com/org/repo/tree/dev + dask[array]>=1,<2, numpy", "org/repo", "dev",
         ["dask[array]<2,>=1", "numpy"]),
        ("org/repo@v1 + numpy + pandas", "org/repo", "v1", ["numpy", "pandas"]),
        ("/v2/gh/org/repo/a+b + numpy", "org/repo", "a+b", ["numpy"]),
        ("org/repo +", "org/repo", "HEAD", []),
        ("inline/numpy + pandas", "numpy,pandas", "HEAD", []),
    ],
)  # fmt: skip
def test_packages_behind_a_plus_are_added(text: str, repository: str, ref: str, packages: list[str]) -> None:
    """To whatever names a repository; one spelling for each list, and a list takes them in."""
    spec = parse_spec(text, settings=RepositorySettings())
    assert (spec.repository, spec.ref, spec.packages.splitlines()) == (repository, ref, packages)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("org/repo + x @ https://h/x.whl", "comes from an address"),
        ("org/repo + -r requirements.txt", "is not a package"),
        ("org/repo + python==3.12, numpy", "Which Python"),
        ("org/repo + numpy==1, numpy==2", "in the list twice"),
        ("nothing + numpy", "has no owner"),
    ],
)
def test_what_cannot_be_added_is_said(text: str, said: str) -> None:
    """Addresses and options of pip are no packages of an index; the Python is the repository's."""
    with pytest.raises(BadSpec, match=said):
        parse_spec(text, settings=RepositorySettings())


@pytest.mark.parametrize(
    ("address", "spec"),
    [
        ("https://github.com/org/repo", "gh/org/repo"),
        ("https://GitHub.com/org/repo.git", "gh/org/repo"),
        ("https://github.com./org/repo", "gh/org/repo"),
        ("https://github.com:443/org/%72epo", "gh/org/repo"),
        ("http://www.github.com/org/repo/", "gh/org/repo"),
        ("https://gitlab.com/a/b/c.git", "gl/a/b/c"),
        ("https://codeberg.org/org/repo", "codeberg/org/repo"),
        ("https://host.example./a%2Db/%2f", "git/https://host.example/a-b/%2F"),
        ("https://github.com/org", "git/https://github.com/org"),
        ("ssh://git@github.com/org/repo", "gh/org/repo"),
    ],
)
def test_a_rule_about_a_repository_meets_it_however_a_link_writes_it(address: str, spec: str) -> None:
    """What is forbidden as ``gh/org/*`` is not to be had by its address; what is encoded without need is decoded."""
    rest = f"{quote(address, safe='')}/dev"
    for made in (parse_provider_path("git", rest, settings=SERVICE), parse_spec(f"git/{rest}", settings=SERVICE)):
        assert (f"{made.provider}/{made.repository}", made.ref) == (spec, "dev")


@pytest.mark.parametrize("path", ["/org/./repo", "/org/../other/repo", "/org/%2e%2E/repo", "/.."])
def test_an_address_that_goes_up_and_down_is_refused(path: str) -> None:
    """Whoever asks and whoever answers could take it for two repositories."""
    with pytest.raises(BadSpec):
        parse_spec(f"https://host.example{path}", settings=SERVICE)
