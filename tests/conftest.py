"""What holds for all tests."""

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from kept import alone, end_pause, give_all, remove_behind
from newcomer import hubkiln
from sandbox_user import open_folder

SLOW = [HealthCheck.too_slow]
settings.register_profile("hubkiln", deadline=None, suppress_health_check=SLOW)  # a busy machine is slow, not wrong
settings.load_profile("hubkiln")

gc.disable()  # nothing that collecting tests makes is garbage: it would only be looked through, for seconds


def pytest_collection_finish() -> None:
    """From here on garbage is collected, and what was there before is not looked at again."""
    gc.enable()
    gc.freeze()
    for name in ("async", "sync"):  # where a test drives a browser: its usual five seconds are luck on a busy machine
        if (found := sys.modules.get(f"playwright.{name}_api")) is not None:
            found.expect.set_options(timeout=60_000)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Tell `.ci/run` whether every test was reached: 1 is that some failed, more that the run was cut off."""
    cache = getattr(session.config, "cache", None)  # there is none with `-p no:cacheprovider`
    if cache and not os.environ.get("PYTEST_XDIST_WORKER"):
        cache.set("hubkiln/ended", int(exitstatus))


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background by a shell; children would ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _session_folder() -> Iterator[None]:
    """For an ordinary user without a login session: skopeo would look for logins where root alone may look."""
    if os.geteuid() == 0 or os.environ.get("XDG_RUNTIME_DIR"):
        yield
        return
    folder = os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="hubkiln-run-")
    yield
    del os.environ["XDG_RUNTIME_DIR"]
    end_pause(Path(folder, "libpod/tmp"))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """
    A data folder whose stores hold the Jupyter stack, so that builds in it take a second.

    Each process that runs tests has its own, and the stack is unpacked by the first. ``$HUBKILN_TEST_DATA`` names a
    folder to keep between runs.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    kept = os.environ.get("HUBKILN_TEST_DATA")
    data = Path(kept) / worker if kept else open_folder() / "data"
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if worker else base
    with alone("stack", shared):
        if (shared / "stack").exists() and not data.exists():
            give_all(shared / "stack", data)
        else:
            done = hubkiln("build", "inline/jupyterlab", data=data)
            assert done.returncode == 0, done.stderr
            if worker and not (shared / "stack").exists():
                give_all(data, shared / "stack")
    yield data
    if not kept:
        remove_behind(data.parent)
