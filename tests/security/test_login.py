"""The hub's own door: a password that no list shows and nobody guesses quickly, and cookies behind TLS."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from embedded import PASSWORD, start

from hubkiln.cli.up import password_in
from hubkiln.data_dir import DataDir
from hubkiln.errors import BadSpec
from hubkiln.processes import free_ports
from hubkiln.up.lines import greeting
from hubkiln.up.login import PacedPassword, TooManyAttempts, client_of
from hubkiln.up.pauses import Pauses, Rule
from hubkiln.up.running import RunningHub
from hubkiln.up.settings import HubSettings, UpSettings

RIGHT, ADMINS = "open sesame", "a" * 32


class Now:
    """A clock that stands still until it is moved."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Door:
    """A browser's requests to log in, as JupyterHub hands them to the authenticator."""

    address: str = "203.0.113.9"
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    hub: Any = field(default_factory=lambda: SimpleNamespace(base_url="/hub/"))

    @property
    def request(self) -> Any:
        """As the hub's proxy passes it on: it appends whom it saw."""
        said = self.headers.get("X-Forwarded-For")
        seen = f"{said}, {self.address}" if said else self.address
        return SimpleNamespace(headers=self.headers | {"X-Forwarded-For": seen}, remote_ip=self.address)

    def get_signed_cookie(self, name: str, max_age_days: float) -> bytes | None:
        """Signatures are JupyterHub's."""
        return self.cookies[name].encode() if name in self.cookies else None

    def _set_cookie(self, name: str, value: str, **how: Any) -> None:
        self.cookies[name] = value


@pytest.fixture
def now() -> Now:
    """The time at the door."""
    return Now()


@pytest.fixture
def door(now: Now) -> PacedPassword:
    """An authenticator with both passwords."""
    made = PacedPassword(user_password=RIGHT, admin_password=ADMINS, admin_users={"boss"}, allow_all=True)
    made.pace(clock=now)
    return made


async def tries(door: PacedPassword, browser: Door, user: str, password: str, times: int = 1) -> list[str]:
    """What comes of so many attempts: ``in``, ``no`` or ``wait``."""
    came = []
    for _ in range(times):
        try:
            came.append("in" if await door.authenticate(browser, {"username": user, "password": password}) else "no")
        except TooManyAttempts as wait:
            assert re.search(r"Wait \d+ seconds?, then", wait.jupyterhub_message) and wait.status_code == 429
            came.append("wait")
    return came


async def test_an_address_that_guesses_waits_ever_longer(door: PacedPassword, now: Now) -> None:
    """A few wrong passwords are free; then pauses double, for any user name and even for the right password."""
    thief = Door()
    assert await tries(door, thief, "ada", "guess", 6) == ["no"] * 6
    assert await tries(door, thief, "bob", RIGHT) == ["wait"]
    now.seconds += 1
    assert await tries(door, thief, "bob", "guess", 2) == ["no", "wait"]
    now.seconds += 1
    assert await tries(door, thief, "bob", "guess") == ["wait"]
    now.seconds += 1
    assert await tries(door, thief, "bob", RIGHT) == ["in"]


async def test_a_pause_ends_however_often_one_asks(door: PacedPassword, now: Now) -> None:
    """Nobody is shut out for more than a minute, and asking during a pause does not make it longer."""
    for _ in range(100):
        await tries(door, Door(), "ada", "guess", 3)
        now.seconds += 60
    await tries(door, Door(), "ada", "guess", 50)
    now.seconds += 60
    assert await tries(door, Door(), "ada", RIGHT) == ["in"]


async def test_a_user_is_not_guessed_from_many_addresses(door: PacedPassword) -> None:
    """The name counts too."""
    came = [await tries(door, Door(address=f"198.51.100.{number}"), "boss", "guess") for number in range(20)]
    assert came[:11] == [["no"]] * 11 and came[11:] == [["wait"]] * 9


async def test_a_browser_that_was_here_before_gets_in_while_others_guess(door: PacedPassword) -> None:
    """Somebody who guesses, even from behind the same address, does not keep the admin out."""
    admin = Door()
    assert await tries(door, admin, "boss", ADMINS) == ["in"]
    await tries(door, Door(), "boss", "guess", 30)
    assert await tries(door, Door(), "boss", ADMINS) == ["wait"]
    assert await tries(door, admin, "boss", ADMINS) == ["in"]


async def test_a_known_browser_is_known_for_its_own_name_alone(door: PacedPassword) -> None:
    """A user's own cookie helps nobody to guess the admin's password."""
    ada = Door()
    assert await tries(door, ada, "ada", RIGHT) == ["in"]
    assert await tries(door, ada, "boss", "guess", 7) == ["no"] * 6 + ["wait"]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Client-Ip"])
async def test_a_header_does_not_make_another_address(door: PacedPassword, header: str) -> None:
    """What a browser says of itself does not count, but what the hub's own proxy saw."""
    came = [await tries(door, Door(headers={header: f"10.0.0.{n}"}), f"user{n}", "guess") for n in range(7)]
    assert came == [["no"]] * 6 + [["wait"]]


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("8.8.8.8, 192.0.2.1, 127.0.0.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("nonsense", "unknown"),
        ("", "unknown"),
    ],
)
def test_an_address_is_what_the_last_trusted_proxy_saw(said: str, counted: str) -> None:
    """Of IPv6, the network: one subscriber has more addresses than there are passwords."""
    request = SimpleNamespace(headers={"X-Forwarded-For": said}, remote_ip="10.9.9.9")
    assert client_of(request, ["127.0.0.1"]) == counted


async def test_letters_outside_ascii_are_a_wrong_password(door: PacedPassword) -> None:
    """No error of ours, and counted like any other."""
    assert await tries(door, Door(), "ada", "pässword") == ["no"]
    assert await tries(door, Door(), "\u202eada", "x" * 100_000) == ["no"]


def test_what_is_remembered_is_bounded() -> None:
    """A million names leave no more than the newest."""
    pauses = Pauses(Rule(free=1, longest_seconds=60), names=1000)
    for number in range(5000):
        pauses.wrong(str(number))
    assert len(pauses) == 1000


def test_the_password_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not left for what is started afterwards."""
    monkeypatch.setenv("HUBKILN_PASSWORD", "from here")
    assert password_in(None) == "from here" and password_in(None) is None
    (tmp_path / "password").write_text("from there\nrest\n")
    with (tmp_path / "password").open() as file:
        assert password_in(file) == "from there"
    with (tmp_path / "password").open("w+") as file, pytest.raises(BadSpec):
        password_in(file)


def told(**more: str) -> HubSettings:
    """What the hub is told."""
    return HubSettings(
        **({"data_dir": "/d", "bind_url": "http://0.0.0.0:8000/", "service_token": "t", "password": "p"} | more),  # type: ignore[arg-type]
        hub_port=1,
        proxy_api_port=2,
        service_port=3,
        isolation=True,
        config="",
        networks=[],
        supervisor=1,
        running="/r",
    )


def says(address: str, public_url: str = "") -> str:
    """What is said of a hub that listens at `address`."""
    hub = RunningHub(bind_url=address, public_url=public_url)
    return "\n".join(greeting(UpSettings(data=DataDir(Path("/d"))), told(), hub))


@pytest.mark.parametrize("ip", ["0.0.0.0", "[::]", "192.0.2.7", "hub.example.org"])
def test_an_open_hub_says_what_to_do_about_it(ip: str) -> None:
    """Listening for others without TLS is said at each start, with the remedy."""
    said = says(f"http://{ip}:8000/")
    assert "unencrypted" in said and "TLS" in said and "--public-url" in said


@pytest.mark.parametrize("ip", ["127.0.0.1", "localhost", "[::1]"])
def test_a_hub_for_this_machine_says_nothing(ip: str) -> None:
    """Loopback needs no TLS; nor does a hub that has it in front."""
    assert "TLS" not in says(f"http://{ip}:8000/")
    behind = says("http://0.0.0.0:8000/", "https://hub.example.org/")
    assert "TLS" not in behind and "https://hub.example.org/" in behind.splitlines()[1]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a hub really listens that is reached through TLS."""
    [port] = free_ports(1)
    options = ("--port", str(port), "--public-url", "https://hub.example.org", "--no-isolation")
    running = start(tmp_path_factory.mktemp("up") / "data", *options)
    yield f"http://127.0.0.1:{port}"
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=150)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody knows."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as made:
        yield made


@pytest.mark.hub
def test_no_list_of_processes_shows_the_password(hub: str) -> None:
    """Neither of ours nor of the proxy, the hub or the build service."""
    listed = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [line for line in listed if hub.rpartition(":")[2] in line]
    assert ours and not any(PASSWORD in line for line in ours)


@pytest.mark.hub
async def test_the_hub_slows_guesses_down_and_says_for_how_long(hub: str, client: httpx.AsyncClient) -> None:
    """Whatever names they come with; its cookies want TLS."""
    page = await client.get(f"{hub}/hub/login")
    cookies = page.headers.get_list("set-cookie")
    assert cookies and all("; secure" in cookie.lower() for cookie in cookies)
    kept = {"Cookie": "; ".join(cookie.partition(";")[0] for cookie in cookies)}  # plain HTTP would not send them
    xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
    assert xsrf

    async def guess(number: int) -> httpx.Response:
        data = {"username": f"u{number}", "password": "guess it", "_xsrf": xsrf[1]}
        return await client.post(f"{hub}/hub/login", data=data, headers=kept)

    answers = await asyncio.gather(*map(guess, range(20)))
    assert {answer.status_code for answer in answers} == {403, 429}
    slowed = [answer.text for answer in answers if answer.status_code == 429]
    assert "Too many wrong passwords. Wait" in slowed[0]
