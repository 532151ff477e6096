"""`requirements.txt`: what is taken, what is refused, and that the file and line are named."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkiln.errors import LockFailed, RecipeError
from hubkiln.recipes import check_hashes, read

Write = Callable[..., Path]
SHA = "ab" * 32

TAKEN = [
    ("Numpy", "numpy"),
    ("numpy ==  2.1 # why", "numpy==2.1"),
    ("pandas[perf, x]>=2,<3", "pandas[perf,x]<3,>=2"),
    ("tomli ; python_version < '3.11'", 'tomli; python_version < "3.11"'),
    ("scipy \\\n  >=1", "scipy>=1"),
    ("ruff  # noqa: E501", "ruff"),
    ("a.b_c==1.0", "a-b-c==1.0"),
    ("# only a comment\n\n  numpy  ", "numpy"),
    ("--index-url https://pypi.org/simple\nnumpy", "numpy"),
    ("--prefer-binary\nnumpy", "numpy"),
    (f"numpy==1 --hash=sha256:{SHA} \\\n --hash=sha256:{SHA}", "numpy==1"),
    ("numpy\nnumpy\nNumPy", "numpy"),
    ("numpy\r\n", "numpy"),
    ("numpy;", "numpy"),
    ("--index-url https://pypi.org/simple --prefer-binary\nnumpy", "numpy"),
    ("-i https://pypi.tuna.tsinghua.edu.cn/simple\nnumpy", "numpy"),
    ("-i http://mirrors.aliyun.com/pypi/simple/ --trusted-host mirrors.aliyun.com\nnumpy", "numpy"),
    ("--trusted-host pypi.org\n--trusted-host files.pythonhosted.org\nnumpy", "numpy"),
    ("--pre --prefer-binary\nnumpy", "numpy"),
    ("-i http://pypi.python.org/pypi\nnumpy", "numpy"),
]


@pytest.mark.parametrize(("text", "line"), TAKEN)
def test_a_package_is_taken_in_one_spelling(write: Write, text: str, line: str) -> None:
    """Case, spaces, comments, continued lines and repetition make no difference."""
    assert read(write({"requirements.txt": text})).requirements == (line,)


@pytest.mark.parametrize(
    "content",
    [
        "numpy\n".encode("utf-16"),
        "\ufeffnumpy\n".encode(),
        "# caf\xe9\nnumpy\n".encode("latin-1"),
        "numpy\n".encode("utf-16-be").join([b"\xfe\xff", b""]),
    ],
)
def test_any_encoding_of_text_is_read(write: Write, content: bytes) -> None:
    """Windows' PowerShell writes UTF-16, old editors Latin-1."""
    assert read(write({"requirements.txt": content})).requirements == ("numpy",)


REFUSED = [
    ". ; nonsense",
    "--prefer-binary --index-url http://x/",
    "-i https://pypi.org/simple --extra-index-url http://x/",
    "--index-url http://169.254.169.254/simple",
    "-i http://x/",
    "--extra-index-url=https://x/",
    "-f ./wheels",
    "--find-links https://x",
    "--trusted-host x",
    "-i https://pypi.tuna.tsinghua.edu.cn.evil.example/simple",
    "-i https://evil.example/pypi.tuna.tsinghua.edu.cn/simple",
    "-i https://mirrors.aliyun.com/other/simple",
    "--trusted-host pypi.org.evil.example",
    "--no-index",
    "-r ../../etc/passwd",
    "-r /etc/passwd",
    "-r https://x/r.txt",
    "-r file:///etc/passwd",
    "-c ../c.txt",
    "-r missing.txt",
    "-r",
    "-rrequirements.txt",
    "-e",
    "-e ..",
    "-e /srv",
    "-e git+ssh://git:secret@host/r",
    "-e https://x/y.zip",
    "../pkg",
    "./missing",
    "https://x/y",
    "ftp://x/y.whl",
    "https://u:s3cret@x/y.whl",
    "https://x/y.whl --hash=sha256:0",
    "numpy @ https://x/y",
    "numpy @ https://x/$(id).whl",
    "numpy @ file:///etc/x.whl",
    "file:///etc",
    "git+file:///etc",
    "git+file:///srv/r",
    "hg+https://host/r",
    "git+https://host/r$(id)",
    "x @ git+https://u:s3cret@host/r",
    "git+https://s3cret@host/r",
    "numpy=1.2",
    "pip install numpy",
    "numpy pandas",
    "numpy==",
    "numpy; bad",
    "--unknown",
    "numpy --global-option=x",
    "numpy --hash=md5:00",
    "numpy --hash=sha256:0",
    "-x",
    "$(id)",
    "${PACKAGE}",
    "numpy==${VERSION}",
    "numpy @ https://x/${FOLDER}/numpy-1-py3-none-any.whl",
    "git+https://host/${REPOSITORY}",
    "-r ${FILE}.txt",
    "./${FOLDER}",
    "; rm -rf /",
    "-r .",
    "@",
    "=",
]


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_not_allowed_is_refused_by_file_and_line(write: Write, line: str) -> None:
    """Each is a RecipeError that names the file and line, says what to do, and repeats no password."""
    with pytest.raises(RecipeError, match=r"`requirements\.txt`, line 2") as caught:
        read(write({"requirements.txt": f"numpy\n{line}\n"}))
    assert caught.value.hint and "s3cret" not in str(caught.value)


def test_included_files_count_from_where_they_are(write: Write) -> None:
    """`-r` and `-c` are looked for beside the file that has them; constraints ask for nothing."""
    recipe = read(
        write(
            {
                "binder/requirements.txt": "-r ../more/dev.txt\n-c limits.txt\n",
                "more/dev.txt": "--requirement=base.txt\n",
                "more/base.txt": "numpy\n",
                "binder/limits.txt": "scipy[x]<2\n",
            }
        )
    )
    assert (recipe.requirements, recipe.constraints) == (("numpy",), ("scipy<2",))
    assert [name for name, _ in recipe.files] == [
        "binder/limits.txt",
        "binder/requirements.txt",
        "more/base.txt",
        "more/dev.txt",
    ]


def test_files_that_include_one_another_are_refused(write: Write) -> None:
    """A circle is named, not followed; a file that is included twice is no circle."""
    with pytest.raises(RecipeError, match="includes itself"):
        read(write({"requirements.txt": "-r a.txt\n", "a.txt": "-r b.txt\n", "b.txt": "-r a.txt\n"}))
    assert read(write({"requirements.txt": "-r a.txt\n-r b.txt\n", "a.txt": "-r b.txt", "b.txt": "numpy"})).requirements


@pytest.mark.parametrize("name", ["requirements.txt", "more.txt"])
def test_links_out_of_the_checkout_are_refused(write: Write, tmp_path: Path, name: str) -> None:
    """Neither the file nor one that it includes may be a link that leaves the repository."""
    (tmp_path / "outside.txt").write_text("secret-of-the-host\n")
    root = write({} if name == "requirements.txt" else {"requirements.txt": "-r more.txt\n"})
    (root / name).symlink_to(tmp_path / "outside.txt")
    with pytest.raises(RecipeError, match=r"leaves the repository|outside the repository") as caught:
        read(root)
    assert "secret" not in str(caught.value)


def test_links_inside_the_checkout_are_followed(write: Write) -> None:
    """A link to another file of the repository is as good as the file."""
    root = write({"env/all.txt": "numpy\n"})
    (root / "requirements.txt").symlink_to("env/all.txt")
    assert read(root).requirements == ("numpy",)


def test_folders_of_the_repository_are_local(write: Write) -> None:
    """They are installed from the root, quoted for a shell, and put the whole tree into the key."""
    text = "-e .\n./pkg\n-e ./my pkg[x]\nwheels/a-1-py3-none-any.whl\n"
    recipe = read(
        write({"requirements.txt": text, "pkg/x": "", "my pkg/x": "", "wheels/a-1-py3-none-any.whl": "", "x": ""})
    )
    assert recipe.local == ("-e .", "./pkg", "-e './my pkg''[x]'", "./wheels/a-1-py3-none-any.whl")
    assert [warning for warning in recipe.warnings if "-e ." in warning and "as a copy" in warning]
    assert recipe.whole_tree is not None


@pytest.mark.parametrize(
    ("line", "local"),
    [
        ('./wheels/w.whl ; sys_platform == "win32"', './wheels/w.whl ; sys_platform == "win32"'),
        ("wheels/w.whl;python_version<'3.8'", './wheels/w.whl ; python_version < "3.8"'),
        ("file:./pkg", "./pkg"),
        ("x @ file:./pkg ; os_name == 'nt'", './pkg ; os_name == "nt"'),
        ("./pkg[x] ; os_name == 'nt'", "./pkg'[x]' ; os_name == \"nt\""),
        ("-e ./pkg ; os_name == 'nt'", '-e ./pkg ; os_name == "nt"'),
    ],
)
def test_a_local_package_keeps_its_marker(write: Write, line: str, local: str) -> None:
    """Wheels for other systems and backports lie beside what is wanted; the Python decides later."""
    assert read(write({"requirements.txt": line, "wheels/w.whl": "", "pkg/x": ""})).local == (local,)


def test_git_addresses_are_kept_apart(write: Write) -> None:
    """`git+https` requirements keep their revision, name, extras and marker."""
    text = "git+https://host/r.git@v1#egg=r\nx[a] @ git+https://host/x ; python_version>='3'\n-e git+https://host/z#egg=z\n"
    assert read(write({"requirements.txt": text})).direct == (
        "git+https://host/r.git@v1#egg=r",
        'x[a] @ git+https://host/x ; python_version >= "3"',
        "git+https://host/z#egg=z",
    )


def test_addresses_of_archives_are_kept_apart(write: Write) -> None:
    """Wheels and source archives, with their hash, name, extras and marker; where they lie is checked when fetched."""
    text = (
        "https://host/en_core-3.7.1.tar.gz\n"
        "x[a] @ https://host/x-1-py3-none-any.whl#sha256=00 ; python_version>='3'\n"
        "numpy @ https://host/numpy.whl\n"
    )
    assert read(write({"requirements.txt": text})).direct == (
        "https://host/en_core-3.7.1.tar.gz",
        'x[a] @ https://host/x-1-py3-none-any.whl#sha256=00 ; python_version >= "3"',
        "numpy @ https://host/numpy.whl",
    )


def test_hashes_are_kept_and_checked(write: Write) -> None:
    """A locked file that the repository does not list is refused; packages it does not name pass."""
    recipe = read(write({"requirements.txt": f"numpy==1 --hash=sha256:{SHA.upper()}\n"}))
    check_hashes(recipe.hashes, [("numpy", SHA), ("jupyterlab", "00" * 32)])
    with pytest.raises(LockFailed, match="numpy"):
        check_hashes(recipe.hashes, [("numpy", "00" * 32)])


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"\x7fELF\x00", b"numpy\x00\n"])
def test_binary_files_are_refused(write: Write, content: bytes) -> None:
    """What is no text is refused as such."""
    with pytest.raises(RecipeError, match="not a text file"):
        read(write({"requirements.txt": content}))


def test_a_huge_file_is_refused(write: Write) -> None:
    """A file that no person wrote is not read to its end."""
    with pytest.raises(RecipeError, match="larger than 1 MiB"):
        read(write({"requirements.txt": "numpy\n" * 400_000}))


@pytest.mark.parametrize("text", ["".join(f"p{n}\n" for n in range(20_000)), "a" * 20_000, "x[" + "a," * 200_000])
def test_endless_lists_are_refused_soon(write: Write, text: str) -> None:
    """A file made to keep the service busy is refused, not read to its end."""
    with pytest.raises(RecipeError, match=r"lines|too long"):
        read(write({"requirements.txt": text}))


def test_a_folder_in_place_of_a_file_is_refused(write: Write) -> None:
    """A folder named requirements.txt has its own sentence."""
    with pytest.raises(RecipeError, match="is a folder"):
        read(write({"requirements.txt/x": ""}))


LINE = st.one_of(
    st.text(max_size=40),
    st.builds(
        str.__add__,
        st.sampled_from(
            ["-r ", "-e ", "-c", "--hash=", "numpy @ ", "git+https://", "./", "a ; ", "--", "x[", "'\"", "file:"]
        ),
        st.text(max_size=30),
    ),
)


@pytest.mark.slow
@given(st.lists(LINE, max_size=4).map("\n".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever the file holds, it is read or is a RecipeError with a hint; and nothing taken starts with an option."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "requirements.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            recipe = read(Path(folder))
        except RecipeError as error:
            assert error.hint
            return
    assert not any(
        line.startswith("-") or "\n" in line for line in recipe.requirements + recipe.constraints + recipe.direct
    )


@pytest.mark.slow
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Encodings are guessed; what cannot be is refused."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "requirements.txt").write_bytes(content)
        try:
            read(Path(folder))
        except RecipeError as error:
            assert error.hint


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("git+git://github.com/networkx/networkx@main", "git+https://github.com/networkx/networkx@main"),
        ("-e git+ssh://git@github.com/org/r.git@v1#egg=r", "git+https://github.com/org/r.git@v1#egg=r"),
        ("-e git+git@gitlab.com:org/r.git#egg=r", "git+https://gitlab.com/org/r.git#egg=r"),
        ("r @ git+ssh://git@host:2222/r ; os_name == 'posix'", 'r @ git+https://host/r ; os_name == "posix"'),
    ],
)
def test_addresses_that_want_a_key_are_fetched_by_https(write: Write, line: str, address: str) -> None:
    """As submodules are; it is said, with the line."""
    recipe = read(write({"requirements.txt": f"six\n{line}\n"}))
    assert recipe.direct == (address,)
    (said,) = recipe.warnings
    assert said.startswith("`requirements.txt`, line 2: `git+https://")
