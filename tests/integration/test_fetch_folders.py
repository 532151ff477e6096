"""Folders of this machine and package lists, as the command line takes them."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from git_server import GitServer, add_commit, git, make_repository
from hubkiln.content import Content, content_tree
from hubkiln.errors import AccessDenied, BadSpec, RefNotFound, Refused, RepositoryNotFound, TooLarge
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.trees import Tree
from hubkiln.values import Checkout, Spec

COMMAND_LINE = RepositorySettings(allow_local_folders=True)


async def fetch(text: str, into: Path, *, ref: str | None = None, said: list[str] | None = None) -> Checkout:
    repositories = Repositories(COMMAND_LINE)
    revision = await repositories.resolve(repositories.parse(text, ref))
    return await repositories.fetch(revision, into, (said if said is not None else []).append)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with two commits and an edit that is not committed."""
    make_repository(tmp_path / "bare.git", {"a.txt": "first"}, tags=("v1",))
    add_commit(tmp_path / "bare.git", {"a.txt": "second"})
    git("clone", "--quiet", tmp_path / "bare.git", "project", cwd=tmp_path)
    (tmp_path / "project/a.txt").write_text("edited")
    return tmp_path / "project"


async def test_a_folder_is_taken_as_it_stands(project: Path, tmp_path: Path) -> None:
    """Without a ref, edits that are not committed count; the copy shares nothing with the folder."""
    checkout = await fetch(str(project), tmp_path / "out")
    assert (checkout.path / "a.txt").read_text() == "edited"
    assert (checkout.path / "a.txt").stat().st_ino != (project / "a.txt").stat().st_ino
    assert git("status", "--short", cwd=checkout.path) == "M a.txt"


async def test_a_ref_gives_the_committed_files(project: Path, tmp_path: Path) -> None:
    """With a ref, edits do not count, and the copy stands on the branch."""
    checkout = await fetch(str(project), tmp_path / "out", ref="main")
    assert (checkout.path / "a.txt").read_text() == "second"
    assert git("rev-parse", "--abbrev-ref", "HEAD", cwd=checkout.path) == "main"
    checkout = await fetch(str(project), tmp_path / "tag", ref="v1")
    assert (checkout.path / "a.txt").read_text() == "first"


async def test_a_bare_repository_gives_its_head(project: Path, tmp_path: Path) -> None:
    """A bare repository has no files of its own; HEAD is meant."""
    checkout = await fetch(str(tmp_path / "bare.git"), tmp_path / "out")
    assert (checkout.path / "a.txt").read_text() == "second"


async def test_a_folders_hash_follows_its_files_alone(tmp_path: Path) -> None:
    """Names, bytes, links and the executable bit count; times and `.git` do not."""
    repositories = Repositories(COMMAND_LINE)
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "a").write_text("1")

    async def commit() -> str:
        return (await repositories.resolve(repositories.parse(str(folder)))).commit

    first = await commit()
    (folder / "a").write_text("1")
    (folder / ".git").mkdir()
    assert await commit() == first
    (folder / "a").chmod(0o755)
    second = await commit()
    (folder / "b").symlink_to("a")
    assert len({first, second, await commit()}) == 3


async def test_a_folder_that_links_outside_is_not_followed(tmp_path: Path) -> None:
    """Links are copied as links, and those that leave are said."""
    said: list[str] = []
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/passwd").symlink_to("/etc/passwd")
    (tmp_path / "plain/.git").write_text("gitdir: /elsewhere\n")
    checkout = await fetch(str(tmp_path / "plain"), tmp_path / "out", said=said)
    assert (checkout.path / "passwd").is_symlink() and not (checkout.path / ".git").exists()
    assert any("outside the folder" in text for text in said)


async def test_a_submodule_that_is_not_there_is_said(tmp_path: Path) -> None:
    """An empty folder fails much later, at a module or a file that is not found; one that is there is no matter."""
    make_repository(tmp_path / "inner.git", {"schema.txt": "core"})
    make_repository(tmp_path / "bare.git", {"a.txt": "first"})
    git("clone", "--quiet", tmp_path / "bare.git", "project", cwd=tmp_path)
    for path in ("here", "deep/a way"):
        add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", tmp_path / "inner.git", path)
        git(*add, cwd=tmp_path / "project")
    git("commit", "--quiet", "--all", "--message", "more", cwd=tmp_path / "project")
    git("submodule", "--quiet", "deinit", "--force", "deep/a way", cwd=tmp_path / "project")
    said: list[str] = []
    await fetch(str(tmp_path / "project"), tmp_path / "out", said=said)
    found = [text for text in said if text.startswith("The submodule")]
    assert len(found) == 1 and "'deep/a way'" in found[0] and "git submodule update --init" in found[0]
    said = []
    await fetch(str(tmp_path / "project"), tmp_path / "ref", ref="main", said=said)
    found = [text for text in said if text.startswith("The submodule")]
    assert len(found) == 2 and not any("update" in text for text in found)  # a commit's files are git's alone


async def test_a_gitmodules_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    """Neither the file nor the paths in it."""
    (tmp_path / "secret").write_text('[submodule "x"]\n\tpath = empty\n')
    (tmp_path / "elsewhere").mkdir()
    for name in ("plain", "other"):
        (tmp_path / name / "empty").mkdir(parents=True)
    (tmp_path / "plain/.gitmodules").symlink_to(tmp_path / "secret")
    (tmp_path / "other/.gitmodules").write_text('[submodule "x"]\n\tpath = ../elsewhere\n')
    said: list[str] = []
    for name in ("plain", "other"):
        await fetch(str(tmp_path / name), tmp_path / f"out-{name}", said=said)
    assert not any(text.startswith("The submodule") for text in said)


async def test_the_folder_may_hold_the_place_it_is_copied_to(tmp_path: Path) -> None:
    """A data folder inside the project is no endless copy."""
    (tmp_path / "a").write_text("1")
    checkout = await fetch(str(tmp_path), tmp_path / "data/work/out")
    assert (checkout.path / "a").exists() and not (checkout.path / "data/work/out").exists()


async def test_what_is_no_folder_or_no_ref_is_said(project: Path, tmp_path: Path) -> None:
    """A missing folder, a file, and a ref of a folder without git each have their sentence."""
    (tmp_path / "plain").mkdir()
    with pytest.raises(RepositoryNotFound, match="does not exist"):
        await fetch("./nowhere", tmp_path / "out")
    with pytest.raises(BadSpec, match="is a file"):
        await fetch(str(project / "a.txt"), tmp_path / "out")
    with pytest.raises(RefNotFound, match="not a git repository"):
        await fetch(str(tmp_path / "plain"), tmp_path / "out", ref="main")
    with pytest.raises(RefNotFound, match="`nope`"):
        await fetch(str(project), tmp_path / "out", ref="nope")


async def test_a_ref_of_a_folder_is_read_as_a_hosts_is(project: Path, tmp_path: Path) -> None:
    """A branch that only `origin` has, as `git checkout` takes it; a habitual `master`; a branch before a tag."""
    (project / "a.txt").write_text("third")
    git("checkout", "--quiet", "-b", "next", cwd=project)
    git("commit", "--quiet", "-am", "third", cwd=project)
    git("push", "--quiet", "origin", "next", cwd=project)
    git("clone", "--quiet", tmp_path / "bare.git", "clone", cwd=tmp_path)
    git("tag", "main", "v1", cwd=tmp_path / "clone")
    for ref, content in (("next", "third"), ("origin/next", "third"), ("master", "second"), ("main", "second")):
        checkout = await fetch(str(tmp_path / "clone"), tmp_path / f"out-{content}-{len(ref)}", ref=ref)
        assert (checkout.path / "a.txt").read_text() == content, ref


async def test_why_a_folder_has_no_such_ref(project: Path, tmp_path: Path) -> None:
    """A shallow clone, a folder within a repository, a repository without a commit: none is a typing error."""
    git("clone", "--quiet", "--depth=1", (tmp_path / "bare.git").as_uri(), "shallow", cwd=tmp_path)
    with pytest.raises(RefNotFound, match=r"`v1`.*--unshallow"):
        await fetch(str(tmp_path / "shallow"), tmp_path / "out", ref="v1")
    (project / "inner/most").mkdir(parents=True)
    with pytest.raises(RefNotFound, match=r"Build .*/project with `--subdir inner/most`"):
        await fetch(str(project / "inner/most"), tmp_path / "out", ref="v1")
    git("init", "--quiet", "--bare", "empty.git", cwd=tmp_path)
    git("init", "--quiet", "empty", cwd=tmp_path)
    for text, ref in (("empty.git", None), ("empty.git", "main"), ("empty", "main")):
        with pytest.raises(RefNotFound, match="no commit yet"):
            await fetch(str(tmp_path / text), tmp_path / "out", ref=ref)


@pytest.mark.parametrize(("ref", "advice"), [(None, "`git lfs pull` there brings it"), ("main", "it was cloned from")])
async def test_pointers_without_their_content_are_told(
    project: Path, tmp_path: Path, ref: str | None, advice: str
) -> None:
    """They look like files; notebooks that read them fail in ways that nobody understands."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    for name in ("model.pickle", "other.bin"):
        (project / name).write_text(pointer)
    (project / "about.txt").write_text(f"A pointer is written so: {pointer}")
    git("add", ".", cwd=project)
    git("commit", "--quiet", "-m", "pointers", cwd=project)
    said: list[str] = []
    await fetch(str(project), tmp_path / "out", ref=ref, said=said)
    (told,) = [line for line in said if "LFS" in line]
    assert told.startswith("2 files, 'model.pickle' among them, are pointers of Git LFS, without the content.")
    assert advice in told


async def test_a_folder_beyond_the_limit_is_refused(project: Path, tmp_path: Path) -> None:
    """The same limits hold for folders."""
    repositories = Repositories(replace(COMMAND_LINE, max_files=0))
    with pytest.raises(TooLarge):
        await repositories.resolve(repositories.parse(str(project)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("name", ["secret.txt", "secret"])
async def test_a_file_or_folder_that_we_may_not_read_is_named(project: Path, tmp_path: Path, name: str) -> None:
    """The message says which, and nothing is left half copied."""
    path = project / name
    path.touch() if name.endswith(".txt") else path.mkdir()
    path.chmod(0)
    with pytest.raises(AccessDenied, match=f"{name} cannot be read"):
        await fetch(str(project), tmp_path / "out")
    path.chmod(0o700)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
async def test_a_folder_that_is_closed_to_us_is_named(project: Path, mode: int) -> None:
    """It is whoever typed it who can open it; nothing is said of the folder in which builds are kept."""
    project.chmod(mode)
    repositories = Repositories(COMMAND_LINE)
    try:
        with pytest.raises(AccessDenied, match=r"project.* cannot be read"):
            await repositories.resolve(repositories.parse(str(project)))
    finally:
        project.chmod(0o700)


async def test_the_service_takes_no_folder(project: Path) -> None:
    """Even a spec that was made elsewhere does not open a folder of the server."""
    repositories = Repositories(RepositorySettings())
    with pytest.raises((BadSpec, Refused)):
        await repositories.resolve(Spec(provider="local", repository=str(project)))


async def test_a_folders_own_git_settings_run_nothing(project: Path, tmp_path: Path) -> None:
    """Commands in a folder's `.git/config` and hooks are not run."""
    mark = tmp_path / "ran"
    git("config", "core.fsmonitor", f"touch {mark}", cwd=project)
    git("config", "core.sshCommand", f"touch {mark}", cwd=project)
    git("config", "uploadpack.packObjectsHook", f"touch {mark}", cwd=project)
    hook = project / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    await fetch(str(project), tmp_path / "out", ref="v1")
    assert not mark.exists()


async def test_a_package_list_becomes_files(tmp_path: Path) -> None:
    """`inline/…` is fetched as the files that ask for it; the same list in another order is the same."""
    checkout = await fetch("inline/python=3.12,pandas>=2,<3,NumPy", tmp_path / "out")
    assert (checkout.path / "requirements.txt").read_text() == "numpy\npandas<3,>=2\n"
    assert (checkout.path / "runtime.txt").read_text() == "python-3.12\n"
    again = await fetch("inline/numpy pandas<3,>=2 python==3.12", tmp_path / "again")
    assert again.revision.commit == checkout.revision.commit


@pytest.mark.parametrize("way", ["", "link"])
async def test_our_own_files_are_no_part_of_a_project(tmp_path: Path, way: str) -> None:
    """A data folder inside the project is neither hashed nor copied, however the project is reached."""
    project = tmp_path / "project"
    (project / ".data/store").mkdir(parents=True)
    (project / "a.txt").write_text("a")
    (tmp_path / "link").symlink_to(project)
    repositories = Repositories(replace(COMMAND_LINE, own_folders=(project / ".data",)))
    spec = repositories.parse(str(tmp_path / way if way else project))
    first = await repositories.resolve(spec)
    (project / ".data/store/large").write_text("new")
    assert (await repositories.resolve(spec)).commit == first.commit
    said: list[str] = []
    checkout = await repositories.fetch(first, project / ".data/work", said.append)
    assert [path.name for path in checkout.path.iterdir()] == ["a.txt"]
    assert len(said) == 1


async def test_our_own_folder_is_no_project(tmp_path: Path) -> None:
    """Who asks for it is told."""
    repositories = Repositories(replace(COMMAND_LINE, own_folders=(tmp_path,)))
    with pytest.raises(BadSpec, match="own files"):
        await repositories.resolve(repositories.parse(str(tmp_path)))


def whole(tree: Tree) -> dict[str, object]:
    """Every entry with its content."""
    found: dict[str, object] = {}
    for entry in tree:
        content = entry.source.read_bytes() if isinstance(entry.source, Path) else entry.source
        found[entry.path] = (entry.mode, entry.link, entry.uid, content)
    return found


@pytest.mark.parametrize("commits", [1, 3])
async def test_a_clean_clone_gives_the_layer_of_its_address(tmp_path: Path, commits: int) -> None:
    """What a clone went through on this machine (hooks, settings, branches, reflogs) is in no image."""
    with GitServer(tmp_path / "host") as server:
        make_repository(server.root / "demo.git", {"a.txt": "0"})
        for number in range(1, commits):
            add_commit(server.root / "demo.git", {"a.txt": str(number)})
        url = server.url("demo.git")
        git("clone", "--quiet", url, "project", cwd=tmp_path)
        settings = RepositorySettings(allow_local_folders=True, allowed_networks=(ip_network("127.0.0.0/8"),))
        layers = []
        for place in (url, str(tmp_path / "project")):
            for command in (("branch", "side"), ("stash", "list"), ("config", "filter.x.clean", "false")):
                git(*command, cwd=tmp_path / "project") if "project" in place else None
            repositories = Repositories(settings)
            revision = await repositories.resolve(repositories.parse(place))
            path = (await repositories.fetch(revision, tmp_path / f"out{len(layers)}", lambda text: None)).path
            work = tmp_path / f"work{len(layers)}"
            work.mkdir()
            layers.append(whole(await content_tree(Content(key="c", path=path, root=path), work, hidden=())))
    assert layers[0] == layers[1]


async def test_a_copied_repository_keeps_no_secret_and_nothing_unfinished(project: Path, tmp_path: Path) -> None:
    """Its history goes along; passwords in addresses, hooks and a merge that is under way do not."""
    git("config", "remote.origin.url", "https://ada:secret@example.org/r.git", cwd=project)
    (project / ".git/MERGE_HEAD").write_text(git("rev-parse", "HEAD", cwd=project))
    checkout = await fetch(str(project), tmp_path / "out")
    assert "secret" not in (checkout.path / ".git/config").read_text()
    assert not (checkout.path / ".git/MERGE_HEAD").exists() and not (checkout.path / ".git/hooks").exists()
    assert git("log", "--oneline", cwd=checkout.path).count("\n") == 1


@pytest.mark.parametrize(
    ("remote", "known"),
    [
        ("git@example.org:ada/r.git", "ssh://git@example.org/ada/r.git"),
        ("https://example.org/r.git", "https://example.org/r.git"),
        ("https://ada:secret@example.org/r.git", ""),
        ("/home/ada/r.git", ""),
        ("file:///home/ada/r.git", ""),
        ("../r", ""),
    ],
)
async def test_of_a_folders_origin_only_what_strangers_can_use_is_known(project: Path, remote: str, known: str) -> None:
    """An address without a login, for a folder as it stands and for one of its commits; no path of this machine."""
    git("config", "remote.origin.url", remote, cwd=project)
    repositories = Repositories(COMMAND_LINE)
    for ref in (None, "v1"):
        assert (await repositories.resolve(repositories.parse(str(project), ref))).origin == known
