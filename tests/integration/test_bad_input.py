"""Bad input through the real service and command line: a sentence, the right state, nothing left, nothing lost."""

from __future__ import annotations

import io
import json
import re
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from newcomer import Service, hubkiln, said, serving, settled, unfinished

from git_server import GitServer, git, make_repository

pytestmark = [pytest.mark.network, pytest.mark.sandbox, pytest.mark.timeout(600)]

BECOME = "import os, sys\nos.execvp(sys.argv[1], sys.argv[1:])\n"
"""As `exec "$@"`: what a ``start`` script must end with."""

HALF_A_MEBIBYTE = "512K"
"""In GiB: what the service of these tests takes at most."""


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A git host on loopback."""
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        make_repository(server.root / "fine.git", {"a.ipynb": "{}"})
        make_repository(server.root / "secret.git", {"a.ipynb": "{}"})
        server.private.add("secret.git")
        server.pages["/page"] = b"<html>Welcome</html>"
        empty = server.root / "empty.git"
        empty.mkdir()
        git("init", "--quiet", "--bare", cwd=empty)
        yield server


@pytest.fixture(scope="module")
def service(stacked: Path) -> Iterator[Service]:
    """The build service on the shared stores."""
    with serving(stacked, f"--largest-repository={HALF_A_MEBIBYTE}") as running:
        yield running


@dataclass(frozen=True, kw_only=True)
class Bad:
    """Something wrong, and how it is to end."""

    code: str
    says: str
    """Pattern of the message."""
    files: dict[str, str | bytes] | None = None
    links: dict[str, str] = field(default_factory=dict)
    spec: str = ""
    """``{host}`` is the git host's address; empty for a repository of `files`."""
    ref: str | None = None
    hint: str = ""


def requirements(text: str, code: str, says: str) -> Bad:
    """A bad requirements.txt."""
    return Bad(files={"requirements.txt": text}, code=code, says=says)


ROWS = {  # each kind once: which lines and files are refused, and in which words, tests/unit/recipes says
    "unknown host": Bad(spec="https://no-such-host.invalid/a.git", code="unreachable", says="No host named"),
    "nobody listens": Bad(spec="http://127.0.0.1:9/a.git", code="unreachable", says="refuses the connection"),
    "missing repository": Bad(spec="{host}/missing.git", code="repository_not_found", says="does not exist"),
    "missing ref": Bad(spec="{host}/fine.git", ref="no-such", code="ref_not_found", says="no-such"),
    "missing commit": Bad(spec="{host}/fine.git", ref="0" * 40, code="ref_not_found", says="0000"),
    "private": Bad(spec="{host}/secret.git", code="access_denied", says="private"),
    "not git": Bad(spec="{host}/page", code="repository_not_found", says="not a git repository"),
    "empty repository": Bad(spec="{host}/empty.git", code="ref_not_found", says="empty|no commit"),
    "malformed runtime.txt": Bad(files={"runtime.txt": "the newest please"}, code="recipe_error", says="runtime.txt"),
    "a Python that is none": Bad(files={"runtime.txt": "python-x.y"}, code="recipe_error", says="not a version"),
    "a Python that is not there": Bad(files={"runtime.txt": "python-3.99"}, code="lock_failed", says="3.99 is not on"),
    "environment.yml that runs code": Bad(
        files={"environment.yml": "dependencies: !!python/object/apply:os.system [id]\n"},
        code="recipe_error",
        says="environment.yml",
    ),
    "requirements.txt of bytes": Bad(
        files={"requirements.txt": b"\x00\xff\xfe\x9f\x80" * 50}, code="recipe_error", says="requirements.txt"
    ),
    "unknown package": requirements("hubkiln-no-such-thing\n", "lock_failed", "no package named hubkiln-no-such-thing"),
    "no such version": Bad(
        files={"requirements.txt": "six==99.1\n"},
        code="lock_failed",
        says="no version of six",
        hint=r"1\.\S+ is the newest",
    ),
    "impossible pins": requirements("packaging<20\npackaging>24\n", "lock_failed", "packaging"),
    "against the stack": Bad(
        files={"requirements.txt": "jupyterhub==0.9\n", "runtime.txt": "python-3.11"},
        code="lock_failed",
        says="jupyterhub",
    ),
    "--index-url": requirements("--index-url http://evil.example/simple\nsix\n", "recipe_error", "--index-url"),
    "-r outside": requirements("-r ../../etc/passwd\n", "recipe_error", "outside"),
    "a link out of the checkout": Bad(
        files={"a.txt": ""}, links={"requirements.txt": "/etc/passwd"}, code="recipe_error", says="requirements.txt"
    ),
    "start of Windows": Bad(
        files={"start": '#!/bin/sh\r\nexec "$@"\r\n'}, code="recipe_error", says="Windows line endings"
    ),
    "a Python of long ago": Bad(files={"runtime.txt": "python-2.6"}, code="unsupported", says="2.6 cannot be had"),
    "a linked folder": Bad(files={"a.txt": ""}, links={"binder": "/etc"}, code="recipe_error", says="binder"),
    "too large": Bad(files={"data.bin": b"\0" * 10_000_000}, code="too_large", says="larger than"),
}


@pytest.mark.parametrize("name", ROWS)
def test_bad_input_fails_with_a_sentence(name: str, service: Service, hosted: GitServer) -> None:
    """The record says what is wrong and what to do; no process and no half file stays."""
    bad = ROWS[name]
    spec = bad.spec.format(host=hosted.url())
    if bad.files is not None:
        folder = re.sub(r"\W+", "-", name).strip("-")
        make_repository(hosted.root / f"{folder}.git", bad.files, links=bad.links)
        spec = hosted.url(f"{folder}.git")
    before = stored(service.data)
    build = service.built(spec, ref=bad.ref)
    error = build["error"]
    assert (build["phase"], error["code"]) == ("failed", bad.code), error
    assert re.search(bad.says, error["message"], re.IGNORECASE) and re.search(bad.hint, error["hint"]), error
    assert is_sentence(error["message"]) and is_sentence(error["hint"]), error
    assert "Traceback" not in service.text(build["id"]) + service.log.read_text()
    assert settled(service.data, but={service.process.pid}) == [] and unfinished(service.data) == []
    assert stored(service.data) == before, "environments changed"


def test_a_start_that_starts_nothing_is_caught(service: Service, hosted: GitServer) -> None:
    """The build fails, not the user's server: `start` is tried with the server's own command."""
    make_repository(hosted.root / "no-exec.git", {"start": "#!/bin/sh\necho ready\n"})
    build = service.built(hosted.url("no-exec.git"))
    assert (build["phase"], build["error"]["code"]) == ("failed", "build_failed"), build
    assert "`start` ends without starting the server" in build["error"]["message"]
    make_repository(hosted.root / "exec.git", {"start": '#!/bin/sh\necho ready\nexec "$@"\n'})
    assert service.built(hosted.url("exec.git"))["phase"] == "ready"


def is_sentence(text: str) -> bool:
    """One short line that begins and ends like something said to a person."""
    return bool(re.fullmatch(r"[^\n]{10,700}[.?)]", text)) and "Error(" not in text and "Errno" not in text


def stored(data: Path) -> list[str]:
    """The environments in the store."""
    return sorted(path.name for path in (data / "environments").iterdir())


@pytest.mark.parametrize("ref", ["-x", "--upload-pack=touch /tmp/x", "a..b", "a b", "@{-1}", "x" * 600])
def test_a_ref_that_is_an_option_is_refused_at_once(service: Service, hosted: GitServer, ref: str) -> None:
    """It never reaches git, and no build begins."""
    before = service.ask("GET", "api/builds").json()
    answer = service.order(hosted.url("fine.git"), ref=ref)
    assert answer.status_code in (400, 422), answer.text
    assert is_sentence(answer.json()["error"]["message"]), answer.text
    assert service.ask("GET", "api/builds").json() == before


@pytest.mark.parametrize(
    "spec",
    [
        "",
        " ",
        "../..",
        "/etc",
        "file:///etc",
        "https://",
        "git@",
        "ext::sh -c id",
        "a/b/c/d",
        "http://[::1",
        "\0",
        "x" * 9000,
    ],
)
def test_a_spec_that_names_nothing_is_refused_at_once(service: Service, spec: str) -> None:
    """No build begins."""
    answer = service.order(spec)
    assert answer.status_code in (400, 403, 422), answer.text
    assert is_sentence(answer.json()["error"]["message"]), answer.text


def test_nothing_of_a_repository_runs_outside_the_sandbox(service: Service, hosted: GitServer) -> None:
    """A setup.py that writes where anybody may write, read and installed by whatever ways there are, leaves no mark."""
    shared = Path(tempfile.mkdtemp(prefix="hubkiln-test-", dir="/var/tmp"))
    shared.chmod(0o777)
    path = str(shared / "mark")
    mark = f"import contextlib\nwith contextlib.suppress(OSError):\n    open({path!r}, 'w').close()\n"
    setup = f"{mark}from setuptools import setup\nsetup(name=NAME, version='1')\n"
    built = {
        "archive-1.tar.gz": sdist(setup.replace("NAME", "'archive'")),
        "setup.py": setup.replace("NAME", "'marker'"),
        "requirements.txt": "./archive-1.tar.gz\n.\n",
        "postBuild": f"#!/usr/bin/env python3\n{mark}",
        "start": f"#!/usr/bin/env python3\n{mark}{BECOME}",
    }
    read = {"binder/jupyter_server_config.py": mark, "sitecustomize.py": mark, "conftest.py": mark}
    try:
        for name, files in {"built": built, "read": read}.items():
            make_repository(hosted.root / f"marks-{name}.git", files)
            build = service.built(hosted.url(f"marks-{name}.git"))
            assert build["phase"] == "ready", build
            assert list(shared.iterdir()) == [], f"{name} ran outside the sandbox"
    finally:
        for left in shared.iterdir():
            left.unlink()
        shared.rmdir()


def sdist(setup: str) -> bytes:
    """A source archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo("archive-1/setup.py")
        info.size = len(setup)
        archive.addfile(info, io.BytesIO(setup.encode()))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["build", "{host}/missing.git"], 1, "does not exist"),
        (["build", "{host}/fine.git", "--ref=-x"], 1, "cannot begin with"),
        (["build", "{host}/fine.git", "--as-of", "yesterday"], 1, "not a date"),
        (["build", "{host}/fine.git", "--subdir", "../.."], 1, "folder"),
        (["build", "http://127.0.0.1:9/a.git"], 3, "refuses the connection"),
        (["build", "./no-such-folder"], 1, "does not exist"),
        (["run", "{host}/fine.git", "--", "no-such-command"], 127, ""),
        (["build"], 2, "SPEC"),
        (["up", "--public-url", "hub.example.org"], 1, "is not where"),
        (["up", "--password", "short"], 2, "--password-file"),
        (["up", "--port", "99999"], 2, "port"),
        (["launch", "{host}/fine.git", "--port", "1000000"], 2, "port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_the_command_line_says_what_is_wrong(
    stacked: Path, hosted: GitServer, words: list[str], code: int, says: str
) -> None:
    """A sentence on standard error, nothing on standard output, and an exit code that says whose turn it is."""
    done = hubkiln(*(word.format(host=hosted.url()) for word in words), data=stacked)
    assert (done.returncode, done.stdout) == (code, ""), done
    assert "Traceback" not in done.stderr
    assert not says or says in said(done)


def test_a_five_gigabyte_file_is_refused_before_it_is_copied(stacked: Path, tmp_path: Path) -> None:
    """The size is known without reading; the message names the limit."""
    with (tmp_path / "data.bin").open("wb") as file:
        file.truncate(5 * 1024**3)
    done = hubkiln("build", tmp_path, data=stacked)
    assert done.returncode == 1 and "larger than the 4 GiB allowed" in said(done)


def test_a_data_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Not a traceback of mkdir's."""
    (tmp_path / "file").touch()
    done = hubkiln("build", "inline/six", data=tmp_path / "file" / "data")
    assert done.returncode in (1, 3) and str(tmp_path / "file") in said(done)


def test_json_is_all_that_is_printed(stacked: Path, hosted: GitServer) -> None:
    """Scripts read standard output; everything for people is on standard error."""
    done = hubkiln("build", hosted.url("fine.git"), "--json", data=stacked)
    told = json.loads(done.stdout)
    assert {"image", "environment_key", "commit", "plan", "reused", "seconds"} <= set(told)
