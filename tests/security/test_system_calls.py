"""The filter of system calls: what is shut off fails without ending anybody, and what programs need works."""

from __future__ import annotations

import errno
import json
import platform
import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_user import User, can_be_ordinary, open_folder, ordinary, ourselves

from hubkiln.errors import BadSpec
from hubkiln.removal import remove
from hubkiln.sandbox import bpf, host_settings, seccomp
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Room, SandboxSettings
from hubkiln.sandbox.system_calls import NUMBERS

HERE = NUMBERS.get(platform.machine(), {})
needs_filter = pytest.mark.skipif(not HERE, reason="there is no filter for this processor")

_TRY = """
import ctypes, json, sys
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for name, words in json.loads(sys.argv[1]).items():
    ctypes.set_errno(0)
    result = libc.syscall(*(ctypes.c_long(word) for word in words))
    found[name] = ctypes.get_errno() if result == -1 else 0
print(json.dumps(found))
"""


@pytest.fixture(params=["ourselves", "ordinary"])
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    """Whoever starts the sandbox."""
    if request.param == "ordinary" and not can_be_ordinary():
        pytest.skip("needs root, to become somebody else")
    folder = open_folder()
    yield ordinary(folder) if request.param == "ordinary" else ourselves(folder)
    shutil.rmtree(folder, ignore_errors=True)


async def tried(user: User, calls: dict[str, list[int]]) -> dict[str, int]:
    """How each call fails in a sandbox, 0 if it does not."""
    outcome = await user.run(Room(), ["/usr/bin/python3", "-c", _TRY, json.dumps(calls)])
    assert outcome.code == 0, outcome.output
    found: dict[str, int] = json.loads(outcome.output)
    return found


@pytest.mark.sandbox
@needs_filter
async def test_what_is_shut_off_is_not_permitted(user: User) -> None:
    """Every call of the list, by its number, with arguments that ask for nothing."""
    calls = {name: [HERE[name], 0, 0, 0, 0, 0] for name in sorted(seccomp.SHUT_OFF) if name in HERE}
    found = await tried(user, calls)
    assert {name for name, number in found.items() if number != errno.EPERM} == set()


@pytest.mark.sandbox
@needs_filter
async def test_calls_are_looked_into(user: User) -> None:
    """New namespaces by any call, sockets of rare kinds, another personality, tracing of the first process."""
    new_user, new_net, session_join = 0x10000000, 0x40000000, 1
    calls = {
        "unshare": [HERE["unshare"], new_user],
        "clone": [HERE["clone"], new_user | 17, 0, 0, 0, 0],
        "clone net": [HERE["clone"], new_net | 17, 0, 0, 0, 0],
        "setns": [HERE["setns"], 0, new_net],
        "keyring": [HERE["keyctl"], session_join, 0],
        "personality": [HERE["personality"], 0x0040000],
        "ptrace": [HERE["ptrace"], 0x4206, 1, 0, 0],
        "ptrace attach": [HERE["ptrace"], 16, 1, 0, 0],
    }
    found = await tried(user, calls)
    assert found == dict.fromkeys(calls, errno.EPERM)
    others = {
        "clone3": [HERE["clone3"], 0, 0],
        "new": [max(HERE.values()) + 1],
        "x32": [0x40000000 | HERE["getpid"]],
        "vsock": [HERE["socket"], 40, 1, 0],
        "crypto": [HERE["socket"], 38, 5, 0],
        "rxrpc": [HERE["socket"], 33, 2, 2],
    }
    expected = dict.fromkeys(("clone3", "new", "x32"), errno.ENOSYS)
    assert await tried(user, others) == expected | dict.fromkeys(("vsock", "crypto", "rxrpc"), errno.EAFNOSUPPORT)


@pytest.mark.sandbox
@needs_filter
async def test_ordinary_programs_do_not_notice(user: User) -> None:
    """Threads, processes, sockets, asynchronous loops, memory files, tracing one's own child."""
    code = """
import asyncio, ctypes, multiprocessing, os, signal, socket, subprocess, threading
threading.Thread(target=print).start()
print(subprocess.run(["sh", "-c", "ulimit -n; setsid true; nice true"], stdout=-1).returncode)
async def main():
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    await asyncio.open_connection(*server.sockets[0].getsockname())
    await (await asyncio.create_subprocess_exec("true")).wait()
asyncio.run(main())
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
    socket.socket(family, socket.SOCK_DGRAM if family != socket.AF_NETLINK else socket.SOCK_RAW).close()
socket.if_nameindex(); os.memfd_create("x"); os.getrandom(4)
with multiprocessing.Pool(2) as pool:
    assert pool.map(abs, [-1, 2]) == [1, 2]
child = os.fork()
if child == 0:
    ctypes.CDLL(None).ptrace(0, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(0)
assert os.WIFSTOPPED(os.waitpid(child, 0)[1])
os.kill(child, signal.SIGKILL)
print("all well")
"""
    outcome = await user.python(Room(), code)
    assert outcome.output.endswith("all well\n"), outcome.output


@pytest.mark.sandbox
@needs_filter
async def test_an_admin_may_allow_more() -> None:
    """A group, or a call by its name: that one works then, and no other."""
    folder = open_folder()
    host = host_settings({"HUBKILN_SECCOMP_ALLOW": "namespaces, kcmp"})
    engine = SandboxEngine(SandboxSettings(state=folder / "state", host=host))
    script = (
        "unshare --user true && echo opened; unshare --user --map-root-user --mount mount -t tmpfs x /tmp && echo ok"
    )
    outcome = await engine.run(Room(), ["sh", "-c", script])
    assert outcome.output.split() == ["opened", "ok"], outcome.output
    calls = {"keyctl": [HERE["keyctl"], 1, 0], "kcmp": [HERE["kcmp"], 0, 0, 99, 0, 0]}
    outcome = await engine.run(Room(), ["/usr/bin/python3", "-c", _TRY, json.dumps(calls)])
    found = json.loads(outcome.output)
    assert found["keyctl"] == errno.EPERM != found["kcmp"]
    remove(folder)  # also the kernel's folders, which have no permissions


def test_a_call_that_is_none_is_refused_in_words() -> None:
    """With the groups there are; ``all`` switches the filter off; nothing named allows nothing more."""
    with pytest.raises(BadSpec, match="'ptarce', which is no system call") as caught:
        seccomp.calls_of("ptarce")
    assert "namespaces" in caught.value.hint
    assert seccomp.calls_of("keyctl,all") is None
    assert seccomp.calls_of(" , ") == seccomp.calls_of("") == frozenset()


@pytest.mark.parametrize("machine", sorted(NUMBERS))
def test_the_program_says_what_the_list_says(machine: str) -> None:
    """For each call of each processor, run through the machine that the kernel is for such programs."""
    made = seccomp.program(frozenset(), machine=machine)
    architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    for name, number in NUMBERS[machine].items():
        answer = run(made, number, architecture, (0, 2, 0, 0, 0, 0) if name == "ptrace" else (1, 0, 0, 0, 0, 0))
        expected = bpf.refused(errno.EPERM) if name in seccomp.SHUT_OFF else bpf.ALLOW
        expected = bpf.refused(errno.ENOSYS) if name == "clone3" else expected
        if name != "personality":
            assert answer == expected, name
    for other in (0x40000003, 0xC00000B7, 0xC000003E):
        if other != architecture:
            assert run(made, NUMBERS[machine]["read"], other, (0,) * 6) == bpf.refused(errno.ENOSYS)
    assert run(made, 0x40000000, architecture, (0,) * 6) == bpf.refused(errno.ENOSYS)


def run(program: bytes, number: int, architecture: int, arguments: tuple[int, ...]) -> int:
    """What the kernel would answer."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments)
    code = list(struct.iter_unpack("=HBBI", program))
    word, at = 0, 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            word = struct.unpack_from("=I", data, value)[0]
        elif operation == 0x54:
            word &= value
        else:
            assert operation in (0x15, 0x35)
            at += if_true if (word == value if operation == 0x15 else word >= value) else if_false


@needs_filter
def test_the_numbers_are_the_kernels() -> None:
    """As the headers of this machine have them, where they are installed."""
    header = next(iter(Path("/usr/include").glob("*/asm/unistd_64.h")), None)
    if header is None or platform.machine() != "x86_64":
        pytest.skip("the kernel's headers are not installed")
    told = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header.read_text())}
    assert {name: HERE.get(name) for name in told} == told
