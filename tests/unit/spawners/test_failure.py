"""A server that dies says why."""

from pathlib import Path

from hubkiln.spawners.failure import died
from hubkiln.spawners.sandbox import ServerFailed
from hubkiln.spawners.server_log import shown, tail


def test_the_last_lines_are_told_without_colours_and_tokens(tmp_path: Path) -> None:
    """What a user reads is plain and gives away nothing."""
    log = tmp_path / "log"
    log.write_text("x\n\n\x1b[31mred\x1b[0m http://127.0.0.1:1/?token=0123456789abcdef0123\n")
    assert tail(log) == ["x", "red http://127.0.0.1:1/?token=…"]
    error = died(log, 3, False, None)
    assert "exit code 3" in error.message and "red" in error.message
    assert str(ServerFailed(error)) == str(error)


def test_too_little_memory_is_named() -> None:
    """The kernel's verdict comes before anything printed."""
    error = died(Path("/nowhere"), 137, True, 2**30)
    assert "1.0 GiB" in error.message and "larger profile" in error.hint


def test_a_missing_server_program_is_named(tmp_path: Path) -> None:
    """127 means that there is no such program."""
    assert "no jupyterhub-singleuser" in died(tmp_path / "none", 127, False, None).message


def test_what_the_delivery_said_is_found(tmp_path: Path) -> None:
    """Lines of the delivery are shown on the progress page."""
    log = tmp_path / "log"
    log.write_text("Hubkiln: The repository's files are in ~/x.\n[I] other\n")
    assert shown(log) == ["The repository's files are in ~/x."]
