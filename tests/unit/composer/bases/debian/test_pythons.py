"""Pythons of a base image: which are taken, how a label names them, how an executable is changed."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from hubkiln.composer.bases.debian.elf import NotElf, needed, newest_glibc, with_search_path
from hubkiln.composer.bases.debian.image import further
from hubkiln.composer.bases.pythons import BasePython, pythons_label, read_pythons
from hubkiln.values import Interpreter


def interpreter(version: str) -> Interpreter:
    return Interpreter(version=version, path=Path(f"/x/{version}/bin/python"), roots=(Path(f"/x/{version}"),))


def test_the_newest_of_each_further_minor_is_taken() -> None:
    """The distribution's own minor stays its own; 3.9 comes before 3.10."""
    found = further([interpreter(v) for v in ("3.10.13", "3.9.18", "3.11.7", "3.10.2")], have=["3.11"])
    assert [python.version for python in found] == ["3.9.18", "3.10.13"]


def test_a_label_names_the_pythons() -> None:
    """What is written on the image can be read back."""
    pythons = [BasePython("3.11.2", "/usr/bin/python3.11"), BasePython("3.12.1", "/opt/python/3.12/bin/python3.12")]
    assert read_pythons(pythons_label(pythons)) == {"3.11": pythons[0], "3.12": pythons[1]}
    assert read_pythons("") == {}


def test_a_programs_libraries_are_read() -> None:
    """As the dynamic linker will look for them."""
    data = Path("/bin/sh").resolve().read_bytes()
    assert any(name.startswith("libc.so") for name in needed(data))
    assert newest_glibc(data) >= (2, 2)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF\x02\x01", b"\x7fELF\x01\x01" + bytes(99)])
def test_what_is_no_program_is_said_to_be_none(data: bytes) -> None:
    """Scripts, stubs and other machines' files."""
    with pytest.raises(NotElf):
        needed(data)


def elf_with(runpath: bytes) -> bytes:
    """The smallest ELF file with a dynamic section that names one folder to search."""
    strings = b"\0" + runpath + b"\0" + b"3.12.1\0"
    dynamic = struct.pack("<QQQQQQ", 29, 1, 5, 0x1000 + 300, 0, 0)
    head = b"\x7fELF\x02\x01" + bytes(26) + struct.pack("<Q", 64) + bytes(14) + struct.pack("<HH", 56, 2)
    head = head.ljust(64, b"\0")
    load = struct.pack("<IIQQQQQQ", 1, 0, 0, 0x1000, 0, 4096, 4096, 0)
    section = struct.pack("<IIQQQQQQ", 2, 0, 200, 0x1000 + 200, 0, len(dynamic), len(dynamic), 0)
    return (head + load + section).ljust(200, b"\0") + dynamic.ljust(100, b"\0") + strings


def test_the_search_path_is_changed_in_place() -> None:
    """Same length, same neighbours; parts that lie elsewhere stay."""
    before = elf_with(b"/home/someone/python/lib:/usr/local/lib")
    after = with_search_path(before, "/home/someone/python", "/opt/python/3.12")
    assert len(after) == len(before)
    assert b"\0/opt/python/3.12/lib:/usr/local/lib\0" in after
    assert after.endswith(b"\x003.12.1\0")


def test_a_folder_that_does_not_fit_is_refused() -> None:
    """There is no room for a longer path."""
    with pytest.raises(ValueError, match="longer"):
        with_search_path(elf_with(b"/p/lib"), "/p", "/opt/python/3.12")


def test_a_file_without_a_search_path_is_left_alone() -> None:
    """The running Python's own modules, say."""
    data = Path(sys.executable).resolve().read_bytes()
    assert with_search_path(data, "/no/such/folder", "/x") == data
