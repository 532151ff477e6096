"""Containers as Kubernetes and Docker make them, by runc: masked paths, capabilities, a filter of system calls."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import uuid
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

    def run(self, folder: Path, code: str) -> str:
        """What Python `code` prints in it, which finds a folder to write in ``sys.argv[1]`` and ours to import."""
        user = _prepared(folder)
        shift = SHIFTED if self.own_users else 0
        scratch = folder / "scratch"
        scratch.mkdir()
        for place in (folder, scratch):
            os.chown(place, shift + self.uid, shift + self.uid)
        bundle = folder / "bundle"
        for name in (*_SYSTEM, "/proc", "/dev", "/sys", "/tmp", str(user.code), str(scratch)):
            (bundle / "rootfs" / name.lstrip("/")).mkdir(parents=True)
        subprocess.run(["chown", "-R", f"{shift}:{shift}", str(bundle)], check=True)
        argv = ["/usr/bin/python3", "-c", code, str(scratch)]
        (bundle / "config.json").write_text(json.dumps(self._config(user, scratch, argv, shift)))
        name = f"hubkiln-test-{uuid.uuid4().hex[:8]}"
        try:
            done = subprocess.run(
                ["runc", "--root", str(folder / "runc"), "run", "--bundle", str(bundle), name],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            subprocess.run(
                ["runc", "--root", str(folder / "runc"), "delete", "--force", name], capture_output=True, check=False
            )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _config(self, user: User, scratch: Path, argv: list[str], shift: int) -> dict[str, object]:
        kinds = ["pid", "ipc", "uts", "mount", "network", *(["user"] if self.own_users else [])]
        linux: dict[str, object] = {"namespaces": [{"type": kind} for kind in kinds]}
        if self.masked:
            linux |= {"maskedPaths": list(MASKED), "readonlyPaths": list(READ_ONLY)}
        if self.own_users:
            mapping = [{"containerID": 0, "hostID": shift, "size": 65536}]
            linux |= {"uidMappings": mapping, "gidMappings": mapping}
        if self.filtered:
            linux["seccomp"] = _runtime_default()
        bind = ["rbind", "ro", "nosuid"]
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
            *({"destination": path, "source": path, "options": bind} for path in _SYSTEM),
            {"destination": str(user.code), "source": str(user.code), "options": bind},
            {"destination": str(scratch), "source": str(scratch), "options": ["rbind", "rw"]},
        ]
        held = list(self.capabilities)
        own = held if self.uid == 0 else []
        return {
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs", "readonly": True},
            "hostname": "pod",
            "mounts": mounts,
            "linux": linux,
            "process": {
                "user": {"uid": self.uid, "gid": self.uid},
                "args": argv,
                "cwd": "/",
                "env": [
                    *("PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"PYTHONPATH={user.code}", "KUBERNETES_SERVICE_HOST=x"),
                    *(f"{name}={value}" for name, value in self.env.items()),
                ],
                "noNewPrivileges": self.no_new_privs,
                "capabilities": {"bounding": held, "effective": own, "permitted": own},
                "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}],
            },
        }


def _prepared(folder: Path) -> User:
    """Copies of our code in `folder`."""
    return ordinary(folder)


def _runtime_default() -> dict[str, object]:
    names = sorted(set(NUMBERS[platform.machine()]) - seccomp.SHUT_OFF - {"clone", "clone3"})
    clone = {"names": ["clone"], "action": "SCMP_ACT_ALLOW"}
    new_namespaces = {"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": [f"SCMP_ARCH_{platform.machine().upper()}"],
        "syscalls": [
            {"names": names, "action": "SCMP_ACT_ALLOW"},
            clone | {"args": [new_namespaces]},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        ],
    }


def works_here() -> bool:
    """True where containers can be made."""
    return os.geteuid() == 0 and shutil.which("runc") is not None and platform.machine() in NUMBERS
