"""A program: the agent, the first process of a step pod. It runs a step and sends what that changed to the service.

It runs in other people's images, by whatever Python they have, so it is one file of the standard library alone, for
Python 3.6 and newer; all of it is loaded before the step begins, which may remove Python. It notes every file before
and looks again after: what differs by size, mode, owner or times is sent, with the folders above it, and the names of
what has gone. It may be more than really differs, never less: the service, which has the files of before, leaves the
rest out.

``HUBKILN_STEP`` has what to do, as JSON in base64, because Kubernetes heeds ``$(…)`` in variables;
``HUBKILN_STEP_TOKEN`` what one upload is sealed with. The step is given neither; as the same user it could look them up
in ``/proc``, and bring with them what it could have written to files as well.
"""

import base64
import encodings.idna  # noqa: F401  # what looks names up, before the step can remove it
import hashlib
import hmac
import json
import os
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

AGAIN_SECONDS = 2
SILENCE_SECONDS = 120
PIECE = 1 << 18
NO_PROGRAM, NOT_RUNNABLE, NOT_SENT, ENDED = 127, 126, 75, 143
NOTE = "/dev/termination-log"
"""What Kubernetes keeps of us besides the exit code."""
HELLO = "hubkiln-step 2"
"""How an upload begins on both sides. The service adds something new, the agent the pod's name and a proof that it has
the token, which itself is not sent. The answer is a line: ``go``, ``elsewhere`` or ``no``."""


def main():
    order = json.loads(base64.b64decode(os.environ["HUBKILN_STEP"]))
    token = os.environ.get("HUBKILN_STEP_TOKEN", "")
    skipped = set(order["skip"]) | mounted()
    before = found_below("/", skipped) if order["upload"] else {}
    code = run(order)
    if code == 0 and order["upload"]:
        code = sent(order, token, before, found_below("/", skipped))
    return code


def mounted():
    """Places at which something else is mounted: no part of the image."""
    places = set()
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            place = os.fsdecode(line.split()[4]).encode().decode("unicode_escape", "surrogateescape").strip("/")
            places |= {place} if place else set()
    return places


def found_below(top, skipped):
    """All below `top` by its path, with what tells whether it has changed; `skipped` paths are left out."""
    found = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(os.path.join(top, folder)) as entries:
                names = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        except OSError:
            continue  # what we cannot read, the step could not change
        for name, what in names:
            path = "%s/%s" % (folder, name) if folder else name
            if path in skipped:
                continue
            size = 0 if stat.S_ISDIR(what.st_mode) else what.st_size
            changed = 0 if stat.S_ISDIR(what.st_mode) else what.st_mtime_ns
            ours = 0 if stat.S_ISDIR(what.st_mode) else what.st_ctime_ns
            found[path] = (what.st_mode, what.st_uid, what.st_gid, size, changed, ours)
            if stat.S_ISDIR(what.st_mode):
                folders.append(path)
    return found


def run(order):
    """The step, whose words and variables are its own; its exit code, as a shell would say it."""

    def limited():
        for name, most in order["limits"].items():
            number = getattr(resource, name)
            hard = resource.getrlimit(number)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(number, (most, most))
        os.umask(0o022)

    try:
        step = subprocess.Popen(
            order["argv"],
            env=order["env"],
            cwd=order["cwd"],
            stdin=subprocess.DEVNULL,
            preexec_fn=limited,
            start_new_session=True,
        )
    except OSError as error:
        print("%s: %s" % (order["argv"][0], error.strerror), flush=True)
        return NO_PROGRAM if isinstance(error, FileNotFoundError) else NOT_RUNNABLE

    def ended(*_):
        end_all(step.pid)
        os._exit(ENDED)

    def late(*_):
        with open(NOTE, "w") as note:
            json.dump({"timed_out": True}, note)
        ended()

    signal.signal(signal.SIGTERM, ended)
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, order["seconds"] or 0)
    while True:  # as the first process of a pod we are given all orphans
        pid, status = os.wait()
        if pid == step.pid:
            break
    signal.setitimer(signal.ITIMER_REAL, 0)
    end_all(step.pid)
    step.returncode = 0
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def end_all(leader):
    """Nothing of the step goes on, so that nothing writes while we read."""
    for whom in ([-1] if os.getpid() == 1 else []) + [-leader]:
        try:
            os.kill(whom, signal.SIGKILL)
        except OSError:
            pass


def sent(order, token, before, after):
    """Send what changed to the service, to whichever replica waits for it; our exit code."""
    said = ""
    while True:
        try:
            with socket.create_connection(tuple(order["service"]), timeout=SILENCE_SECONDS) as connection:
                with connection.makefile("rb") as answers:
                    new = answers.readline().decode().strip().rpartition(" ")[2]
                    said_first = "%s %s %s\n" % (HELLO, order["name"], proof(token, "upload", new))
                    connection.sendall(said_first.encode())
                    answer = answers.readline().decode().strip()
                    if answer == "go":
                        stream = Stream(connection, proof(token, "content", new))
                        write(before, after, stream)
                        stream.end()
                        connection.shutdown(socket.SHUT_WR)
                        answer = answers.readline().decode().strip()
                        if answer == "kept":
                            return 0
            if answer == "no":
                print("The build service does not take what the step changed.", flush=True)
                return NOT_SENT
            why = "it answered “%s”" % answer if answer != "elsewhere" else ""
        except OSError as error:
            why = str(error)
        if why and why != said:
            said = why
            print("What the step changed could not be sent yet (%s); trying again." % why, flush=True)
        time.sleep(AGAIN_SECONDS)  # the pod's deadline ends it


def proof(token, what, new):
    """What only who has the token can say of `what`, and of the upload for which the service said something new."""
    return hmac.new(token.encode(), ("%s %s" % (what, new)).encode(), hashlib.sha256).hexdigest()


def sealed(key, digest):
    """The digest of what is sent, and what only who has the key can say of it."""
    return digest + hmac.new(key.encode(), digest, hashlib.sha256).digest()


class Stream:
    """Bytes to a connection, which a sealed hash of them all ends: nobody on the way can exchange any."""

    def __init__(self, connection, key):
        self.connection, self.key, self.hash, self.pending = connection, key, hashlib.sha256(), bytearray()

    def write(self, data):
        self.pending += data
        if len(self.pending) >= PIECE:
            self.flush()

    def flush(self):
        self.hash.update(self.pending)
        self.connection.sendall(self.pending)
        self.pending = bytearray()

    def end(self):
        self.write(struct.pack(">I", 0))
        self.flush()
        self.connection.sendall(sealed(self.key, self.hash.digest()))


def differing(before, after):
    """What differs, each with its status now, or None for what is gone; folders come before what is in them."""
    changed = {path: what for path, what in after.items() if what != before.get(path)}
    for path in set(before) - set(after):
        parent = path.rpartition("/")[0]
        if not parent or (is_folder(after.get(parent)) and is_folder(before[parent])):
            changed[path] = None
    for path in list(changed):
        while "/" in path:
            path = path.rpartition("/")[0]
            changed.setdefault(path, after[path])
    return sorted(changed.items())


def is_folder(what):
    return what is not None and stat.S_ISDIR(what[0])


def write(before, after, stream):
    """A header for each that differs, as JSON after its length, and what a file holds."""
    for path, what in differing(before, after):
        mode, uid, gid, size = what[:4] if what else (0, 0, 0, 0)
        link = os.readlink("/" + path) if stat.S_ISLNK(mode) else ""
        size = size if stat.S_ISREG(mode) else 0
        header = json.dumps([path, mode, uid, gid, size, link]).encode()
        if not size:
            stream.write(struct.pack(">I", len(header)) + header)
            continue
        with open("/" + path, "rb") as content:
            stream.write(struct.pack(">I", len(header)) + header)
            while size:
                piece = content.read(min(size, PIECE))
                if not piece:
                    raise OSError("%s became shorter" % path)
                size -= len(piece)
                stream.write(piece)


if __name__ == "__main__":
    sys.exit(main())
