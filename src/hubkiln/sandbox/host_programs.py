"""Which of the host's programs a sandbox over its ``/usr`` shows: those that our base image has, so that a repository
does the same here and in an image that is pushed.

A machine has what its admin needs: compilers, Node.js, ``wget``. What a repository calls of these would be absent from
its image, and nobody would know before. So they are covered: over each folder of programs lies one that says of them
that they are not there (an overlay's *whiteouts*).
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from hubkiln.keys import short_digest
from hubkiln.removal import remove

FOLDERS = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/games", "usr/local/bin", "usr/local/sbin", "usr/local/games")
"""Where programs are; one that is a link is seen where it leads to."""

_PYTHONS = re.compile(r"(python|pydoc)3(\.\d+)?|perl5.*")
"""Whichever this machine has: environments are made of them."""

_UNUSED_SECONDS = 24 * 60 * 60
"""After which a cover that lies over nothing any more is taken for one that nobody starts with."""


def covers(state: Path, host: Path = Path("/")) -> Mapping[str, Path]:
    """
    By folder of programs, what lies over it; made in `state` when it is first needed and whenever programs come or go.

    Empty where this machine cannot say of a file that it is not there. What was made for programs as they once were,
    and no sandbox has needed for a day, is removed.
    """
    found: dict[str, Path] = {}
    with suppress(PermissionError):
        for name in FOLDERS:
            folder = host / name
            if folder.is_dir() and not folder.is_symlink():
                cover = (
                    state / f"{name.replace('/', '-')}-{short_digest([folder.stat().st_mtime_ns, _OF_THE_BASE])[:16]}"
                )
                if not cover.is_dir():
                    _make(cover, others(folder))
                os.utime(cover)
                found[f"/{name}"] = cover
        _forget(state, found.values())
    return found


def _forget(state: Path, used: Collection[Path]) -> None:
    """Remove the covers in `state` but those `used`; what is needed is said by their times, and by who runs."""
    before = time.time() - _UNUSED_SECONDS
    old = [path for path in state.glob("*-*") if path not in used and path.lstat().st_mtime < before]
    shown = _mounts() if old else ""
    for path in old:
        if path.name not in shown:
            remove(path)


def _mounts() -> str:
    """What all processes that we can look at have mounted."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append((process / "mountinfo").read_text("utf-8", "replace"))
    return "".join(found)


def others(folder: Path) -> list[str]:
    """Names in `folder` of what our base image lacks. What a program that it has is a link to counts as had."""
    names = sorted(path.name for path in folder.iterdir())
    shown = {name for name in names if name in NAMES or _PYTHONS.fullmatch(name)}
    shown |= {Path(os.path.realpath(folder / name)).name for name in shown}
    return [name for name in names if name not in shown]


def _make(cover: Path, names: Collection[str]) -> None:
    cover.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=cover.parent) as made:
        whole = Path(made, "cover")
        whole.mkdir(0o755)
        for name in names:
            os.mknod(whole / name, stat.S_IFCHR, os.makedev(0, 0))
        with suppress(OSError):  # somebody else was first
            whole.rename(cover)


_OF_THE_BASE = """
[ add-shell addgroup addpart adduser agetty apt apt-cache apt-cdrom apt-config apt-get apt-key apt-mark arch awk
b2sum badblocks base32 base64 basename basenc bash bashbug blkdiscard blkid blkzone blockdev bunzip2 bzcat bzcmp
bzdiff bzegrep bzexe bzfgrep bzgrep bzip2 bzip2recover bzless bzmore c_rehash captoinfo cat chage chattr chcon
chcpu chfn chgpasswd chgrp chmem chmod choom chown chpasswd chroot chrt chsh cksum clear clear_console cmp comm
corelist cp cpan cpan5.36-x86_64-linux-gnu cpgr cppw csplit ctrlaltdel curl cut dash date dd deb-systemd-helper
deb-systemd-invoke debconf debconf-apt-progress debconf-communicate debconf-copydb debconf-escape
debconf-set-selections debconf-show debugfs delgroup delpart deluser df diff diff3 dir dircolors dirname dmesg
dnsdomainname domainname dpkg dpkg-deb dpkg-divert dpkg-fsys-usrunmess dpkg-maintscript-helper dpkg-preconfigure
dpkg-query dpkg-realpath dpkg-reconfigure dpkg-split dpkg-statoverride dpkg-trigger du dumpe2fs e2freefrag
e2fsck e2image e2label e2mmpstatus e2scrub e2scrub_all e2undo e4crypt e4defrag echo egrep enc2xs encguess env
envsubst expand expiry expr factor faillock faillog fallocate false fgrep filefrag fincore find findfs findmnt
findrule flock fmt fold free fsck fsck.cramfs fsck.ext2 fsck.ext3 fsck.ext4 fsck.minix fsfreeze fstab-decode
fstrim funzip getconf getent getopt gettext gettext.sh getty git git-receive-pack git-shell git-upload-archive
git-upload-pack gpasswd gpgv grep groupadd groupdel groupmems groupmod groups grpck grpconv grpunconv gunzip
gzexe gzip h2ph h2xs hardlink head hostid hostname hwclock i386 iconv iconvconfig id infocmp infotocap install
installkernel instmodsh invoke-rc.d ionice ipcmk ipcrm ipcs ischroot isosize join json_pp kill killall5 last
lastb lastlog ld.so ldattach ldconfig ldd less lessecho lessfile lesskey lesspipe libnetcfg link linux32 linux64
ln locale localedef logger login logname logsave losetup ls lsattr lsblk lscpu lsfd lsipc lsirq lslocks lslogins
lsmem lsns lzcat lzcmp lzdiff lzegrep lzfgrep lzgrep lzless lzma lzmainfo lzmore mawk mcookie md5sum
md5sum.textutils mesg mkdir mke2fs mkfifo mkfs mkfs.bfs mkfs.cramfs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.minix
mkhomedir_helper mklost+found mknod mkswap mktemp more mount mountpoint mv namei nawk newgrp newusers ngettext
nice nisdomainname nl nohup nologin nproc nsenter numfmt od openssl pager pam-auth-update pam_getenv
pam_namespace_helper pam_timestamp_check partx passwd paste pathchk pdb3 pdb3.11 perl perlbug perldoc perlivp
perlthanks pgrep piconv pidof pidwait pinky pivot_root pkill pl2pm pldd pmap pod2html pod2man pod2text pod2usage
podchecker pr printenv printf prlimit prove ps ptar ptardiff ptargrep ptx pwck pwconv pwd pwdx pwhistory_helper
pwunconv py3clean py3compile py3versions pydoc3 pygettext3 pygettext3.11 python3 rbash readlink readprofile
realpath remove-shell rename.ul renice reset resize2fs resizepart rev rgrep rm rmdir rmt rmt-tar rtcwake
run-parts runcon runuser savelog scalar script scriptlive scriptreplay sdiff sed seq service setarch setpriv
setsid setterm sg sh sha1sum sha224sum sha256sum sha384sum sha512sum shadowconfig shasum shred shuf skill
slabtop sleep snice sort splain split start-stop-daemon stat stdbuf streamzip stty su sulogin sum swaplabel
swapoff swapon switch_root sync sysctl tabs tac tail tar tarcat taskset tee tempfile test tic timeout tini
tini-static tload toe top touch tput tr true truncate tset tsort tty tune2fs tzselect uclampset umount uname
uncompress unexpand uniq unix_chkpwd unix_update unlink unlzma unshare unxz unzip unzipsfx update-alternatives
update-ca-certificates update-passwd update-rc.d update-shells uptime useradd userdel usermod users utmpdump
vdir vigr vipw vmstat w wall watch wc wdctl whereis which which.debianutils who whoami wipefs x86_64 xargs
xsubpp xz xzcat xzcmp xzdiff xzegrep xzfgrep xzgrep xzless xzmore yes ypdomainname zcat zcmp zdiff zdump zegrep
zfgrep zforce zgrep zic zipdetails zipgrep zipinfo zless zmore znew zramctl
"""

NAMES = frozenset(_OF_THE_BASE.split())
"""Programs of the base image that `hubkiln base build` makes."""
