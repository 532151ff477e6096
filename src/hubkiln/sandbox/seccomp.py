"""Which system calls there are in a sandbox, after the model of Docker's default list.

Everything that is known and not named here is allowed; what is newer than our table is said not to exist, so that
programs fall back. A call that is shut off fails; it never kills.
"""

from __future__ import annotations

import errno
import platform
from functools import cache

from hubkiln.errors import BadSpec
from hubkiln.sandbox import bpf
from hubkiln.sandbox.system_calls import NUMBERS

VARIABLE = "HUBKILN_SECCOMP_ALLOW"
EVERYTHING = "all"


def _names(*texts: str) -> frozenset[str]:
    return frozenset(name for text in texts for name in text.split())


SHUT_OFF = _names(
    # the kernel's own code, keys, clock and swap
    "acct bpf create_module delete_module finit_module init_module get_kernel_syms query_module kexec_file_load",
    "kexec_load reboot syslog add_key keyctl request_key clock_settime settimeofday swapoff swapon",
    # file systems and namespaces
    "mount umount2 pivot_root open_tree open_tree_attr move_mount fsopen fsmount fsconfig fspick mount_setattr",
    "open_by_handle_at quotactl quotactl_fd unshare setns sethostname setdomainname fanotify_init",
    # much kernel behind one call
    "io_uring_enter io_uring_register io_uring_setup perf_event_open userfaultfd",
    # other processes, hardware
    "kcmp pidfd_getfd process_madvise get_mempolicy mbind migrate_pages move_pages set_mempolicy",
    "set_mempolicy_home_node ioperm iopl",
    # what nothing of today calls
    "_sysctl afs_syscall epoll_ctl_old epoll_wait_old getpmsg lookup_dcookie nfsservctl putpmsg security sysfs tuxcall",
    "uselib ustat vhangup vserver",
)

GROUPS = {
    "namespaces": _names(
        "unshare setns clone clone3 mount umount2 pivot_root open_tree open_tree_attr move_mount fsopen fsmount",
        "fsconfig fspick mount_setattr sethostname setdomainname",
    ),
    "keys": _names("add_key keyctl request_key"),
    "debug": _names("personality kcmp pidfd_getfd process_madvise perf_event_open"),
    "numa": _names("get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node"),
    "io_uring": _names("io_uring_enter io_uring_register io_uring_setup"),
}
"""What an admin may name instead of the calls."""

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEW_NAMESPACES = 0x7E020000
_NEW_USER = 0x10000000
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_FAMILIES = (1, 2, 10, 16, 17)
"""Unix, IPv4, IPv6, netlink, packets (which only root of a network gets): others load code into the kernel."""

_NO = bpf.refused(errno.EPERM)
_NOT_THERE = bpf.refused(errno.ENOSYS)


def calls_of(text: str) -> frozenset[str] | None:
    """
    The calls that an admin allows by ``HUBKILN_SECCOMP_ALLOW``, names and groups with commas; None for all.

    Raises:
        BadSpec: there is no such call.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if EVERYTHING in names:
        return None
    known = {name for numbers in NUMBERS.values() for name in numbers}
    found: set[str] = set()
    for name in names:
        if name not in GROUPS and name not in known:
            raise BadSpec(
                f"{VARIABLE} names {name!r}, which is no system call.",
                hint=f"Name calls, or {', '.join(GROUPS)}, or {EVERYTHING}, with commas between them.",
            )
        found |= GROUPS.get(name, {name})
    return frozenset(found)


def works_on(machine: str = "") -> bool:
    """Whether there is a filter for this kind of processor."""
    return (machine or platform.machine()) in NUMBERS


@cache
def program(more: frozenset[str], *, enters: bool = False, machine: str = "") -> bytes:
    """
    The filter, as bubblewrap's ``--seccomp`` takes it; empty where there is none for the processor.

    `more` are calls that are allowed besides. `enters` lets the first program enter a user namespace that was made
    for it; whoever has no other namespace can go nowhere by that.
    """
    machine = machine or platform.machine()
    if machine not in NUMBERS:
        return b""
    numbers = NUMBERS[machine]
    shut = SHUT_OFF - more
    answers = dict.fromkeys(range(max(numbers.values()) + 1), _NOT_THERE)
    answers |= {number: _NO if name in shut else bpf.ALLOW for name, number in numbers.items()}
    block = [bpf.load(bpf.ARCHITECTURE), *bpf.unless(_ARCHITECTURES[machine], [bpf.answer(_NOT_THERE)])]
    block.append(bpf.load(bpf.NUMBER))
    for name, check in _checks(enters).items():
        if name not in more:
            block += bpf.when(numbers[name], check)
    return bpf.program([*block, *bpf.tree(answers, _NOT_THERE)])


def _checks(enters: bool) -> dict[str, bpf.Block]:
    """Calls whose arguments matter; a number of the other kind of 64-bit program (x32) is above every known one."""
    family = bpf.refused(errno.EAFNOSUPPORT)
    namespaces = [bpf.argument(0), bpf.masked(_NEW_NAMESPACES), *bpf.one_of([0], bpf.ALLOW, _NO)]
    found = {
        "clone": namespaces,
        "clone3": [bpf.answer(_NOT_THERE)],  # its flags lie in memory, where no filter looks; programs use clone then
        "personality": [bpf.argument(0), *bpf.one_of(_PERSONALITIES, bpf.ALLOW, _NO)],
        "socket": [bpf.argument(0), *bpf.one_of(_FAMILIES, bpf.ALLOW, family)],
        "socketpair": [bpf.argument(0), *bpf.one_of(_FAMILIES, bpf.ALLOW, family)],
        "ptrace": [bpf.argument(1), *bpf.one_of([1], _NO, bpf.ALLOW)],  # whoever stops the first process holds us up
    }
    if enters:
        found["setns"] = [bpf.argument(1), *bpf.one_of([_NEW_USER], bpf.ALLOW, _NO)]
    return found
