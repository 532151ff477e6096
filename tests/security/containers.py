"""Containers as Kubernetes and Docker make them, by runc: masked paths, capabilities, a filter of system calls."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox_user import User, ordinary

from hubkiln.sandbox import seccomp
from hubkiln.sandbox.system_calls import NUMBERS

DEFAULT_CAPABILITIES = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"),
    *("CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"),
    "CAP_AUDIT_WRITE",
)
MASKED = tuple(
    f"/proc/{name}" for name in ("acpi", "kcore", "keys", "latency_stats", "timer_list", "scsi", "sched_debug")
)
READ_ONLY = tuple(f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger"))
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc")
SHIFTED = 300_000
"""The host's uid of a container's root, where it has a user namespace."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """What a pod's description says."""

    uid: int = 0
    capabilities: tuple[str, ...] = DEFAULT_CAPABILITIES
    no_new_privs: bool = False
    filtered: bool = False
    """``seccompProfile: {type: RuntimeDefault}``"""
    masked: bool = True
    own_users: bool = False
    """``hostUsers: false``"""
    env: dict[str, str] = field(default_factory=dict)

    own_network: bool = True
    """Not so: ``hostNetwork: true``."""
    name: str = ""
    """Of runc's own, and of its cgroups."""
    rootfs: Path | None = None
    """An unpacked image, which is written to, instead of this machine's programs."""
    files: tuple[tuple[Path, str], ...] = ()
    """Files of ours, and where they are seen, to be written to."""
    memory: int | None = None
    """``limits: {memory: …}``"""
    cpus: float | None = None
    """``limits: {cpu: …}``"""

    def run(self, folder: Path, code: str) -> str:
        """What Python `code` prints in it, which finds a folder to write in ``sys.argv[1]`` and ours to import."""
        user = _prepared(folder)
        shift = SHIFTED if self.own_users else 0
        scratch = folder / "scratch"
        scratch.mkdir()
        for place in (folder, scratch):
            os.chown(place, shift + self.uid, shift + self.uid)
        argv = ["/usr/bin/python3", "-c", code, str(scratch)]
        assert user.code is not None
        with self.started(folder, argv, [user.code], [scratch], {"PYTHONPATH": str(user.code)}) as process:
            said, _ = process.communicate(timeout=150)
        assert process.returncode == 0, said
        return said

    @contextmanager
    def started(
        self, folder: Path, argv: list[str], readable: list[Path], writable: list[Path], env: dict[str, str]
    ) -> Iterator[subprocess.Popen[str]]:
        """`argv` running in it, its output in a pipe; described in `folder`, it sees what is named, in its place."""
        shift = SHIFTED if self.own_users else 0
        bundle = folder / "bundle"
        if self.rootfs is None:
            for place in (*_SYSTEM, "/proc", "/dev", "/sys", "/tmp", *readable, *writable):
                (bundle / "rootfs" / str(place).lstrip("/")).mkdir(parents=True, exist_ok=True)
            subprocess.run(["chown", "-R", f"{shift}:{shift}", str(bundle)], check=True)
        bundle.mkdir(exist_ok=True)
        (bundle / "config.json").write_text(json.dumps(self._config(argv, readable, writable, env)))
        name = self.name or f"hubkiln-test-{uuid.uuid4().hex[:8]}"
        runc = ["runc", "--root", str(folder / "runc")]
        words = [*runc, "run", "--bundle", str(bundle), name]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                yield process
            finally:
                subprocess.run([*runc, "delete", "--force", name], capture_output=True, check=False)

    def _config(
        self, argv: list[str], readable: list[Path], writable: list[Path], env: dict[str, str]
    ) -> dict[str, object]:
        shared = [] if self.own_network else ["network"]
        kinds = ["pid", "ipc", "uts", "mount", "network", *(["user"] if self.own_users else [])]
        linux: dict[str, object] = {"namespaces": [{"type": kind} for kind in kinds if kind not in shared]}
        if self.masked:
            linux |= {"maskedPaths": list(MASKED), "readonlyPaths": list(READ_ONLY)}
        if self.own_users:
            mapping = [{"containerID": 0, "hostID": SHIFTED, "size": 65536}]
            linux |= {"uidMappings": mapping, "gidMappings": mapping}
        if self.filtered:
            linux["seccomp"] = runtime_default("CAP_SYS_ADMIN" in self.capabilities)
        memory = {} if self.memory is None else {"memory": {"limit": self.memory, "swap": self.memory}}
        cpu = {} if self.cpus is None else {"cpu": {"period": 100_000, "quota": int(self.cpus * 100_000)}}
        if resources := memory | cpu:
            linux["resources"] = resources
        system = _SYSTEM if self.rootfs is None else ()
        bind = ["rbind", "ro", "nosuid"]
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
            *({"destination": str(path), "source": str(path), "options": bind} for path in (*system, *readable)),
            *({"destination": str(path), "source": str(path), "options": ["rbind", "rw"]} for path in writable),
            *({"destination": path, "source": str(file), "options": ["rbind", "rw"]} for file, path in self.files),
            *(
                [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}]
                if cpu
                else []
            ),
        ]
        held = list(self.capabilities)
        own = held if self.uid == 0 else []
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "KUBERNETES_SERVICE_HOST": "x"} | env | self.env
        return {
            "ociVersion": "1.0.2",
            "root": {"path": str(self.rootfs or "rootfs"), "readonly": self.rootfs is None},
            "hostname": "pod",
            "mounts": mounts,
            "linux": linux,
            "process": {
                "user": {"uid": self.uid, "gid": self.uid},
                "args": argv,
                "cwd": "/",
                "env": [f"{name}={value}" for name, value in env.items()],
                "noNewPrivileges": self.no_new_privs,
                "capabilities": {"bounding": held, "effective": own, "permitted": own},
                "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}],
            },
        }


def _prepared(folder: Path) -> User:
    """Copies of our code in `folder`."""
    return ordinary(folder)


WITH_SYS_ADMIN = frozenset(
    {"bpf", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree"}
    | {"setns", "sethostname", "umount2", "unshare"}
)
"""What containerd's profile opens for who has that capability, of what we need; ``pivot_root`` is not among it."""


def runtime_default(sys_admin: bool = False) -> dict[str, object]:
    """After containerd's profile, as far as it concerns us."""
    closed = seccomp.SHUT_OFF - (WITH_SYS_ADMIN if sys_admin else frozenset())
    cloning = set() if sys_admin else {"clone", "clone3"}
    names = sorted(set(NUMBERS[platform.machine()]) - closed - cloning)
    clone = {"names": ["clone"], "action": "SCMP_ACT_ALLOW"}
    new_namespaces = {"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": [f"SCMP_ARCH_{platform.machine().upper()}"],
        "syscalls": [
            {"names": names, "action": "SCMP_ACT_ALLOW"},
            *([clone | {"args": [new_namespaces]}] if cloning else []),
            *([{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}] if cloning else []),
        ],
    }


def works_here() -> bool:
    """True where containers can be made."""
    return os.geteuid() == 0 and shutil.which("runc") is not None and platform.machine() in NUMBERS
