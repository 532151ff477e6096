"""Classic BPF, as far as a filter of system calls needs it: a few instructions, and a search tree over numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_FARTHEST = 255

ALLOW = 0x7FFF0000
_ERRNO = 0x00050000

ARCHITECTURE, NUMBER = 4, 0
"""Offsets in the kernel's ``struct seccomp_data``."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; jumps count from the next one."""

    code: int
    value: int
    if_true: int = 0
    if_false: int = 0

    def packed(self) -> bytes:
        """As the kernel wants it."""
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.value)


Block = list[Instruction]


def refused(errno: int) -> int:
    """The answer that makes a call fail with `errno`."""
    return _ERRNO | errno


def load(offset: int) -> Instruction:
    """Take the word at `offset`."""
    return Instruction(_LOAD, offset)


def argument(index: int) -> Instruction:
    """Take the lower half of an argument: the calls that are looked into have ints and flags there."""
    return Instruction(_LOAD, 16 + 8 * index)


def masked(mask: int) -> Instruction:
    """Keep the bits of `mask`."""
    return Instruction(_AND, mask)


def answer(value: int) -> Instruction:
    """End with `value`."""
    return Instruction(_RETURN, value)


def when(value: int, block: Block) -> Block:
    """`block`, which must end with an answer, if the word taken is `value`."""
    assert len(block) <= _FARTHEST
    return [Instruction(_JUMP_EQUAL, value, 0, len(block)), *block]


def unless(value: int, block: Block) -> Block:
    """`block`, which must end with an answer, if the word taken is not `value`."""
    assert len(block) <= _FARTHEST
    return [Instruction(_JUMP_EQUAL, value, len(block), 0), *block]


def one_of(values: Sequence[int], then: int, otherwise: int) -> Block:
    """Answer `then` if the word taken is one of `values`."""
    block: Block = []
    for value in values:
        block += when(value, [answer(then)])
    return [*block, answer(otherwise)]


def tree(answers: Mapping[int, int], above: int) -> Block:
    """
    Answer by the word taken: what `answers` has for it, `above` for all that is greater than its greatest key.

    `answers` has every number from 0 on.
    """
    starts: list[tuple[int, int]] = []
    for number in range(len(answers)):
        if not starts or starts[-1][1] != answers[number]:
            starts.append((number, answers[number]))
    if starts[-1][1] != above:
        starts.append((len(answers), above))
    return _split(starts)


def _split(starts: Sequence[tuple[int, int]]) -> Block:
    if len(starts) == 1:
        return [answer(starts[0][1])]
    middle = len(starts) // 2
    below, above = _split(starts[:middle]), _split(starts[middle:])
    assert len(below) <= _FARTHEST
    return [Instruction(_JUMP_AT_LEAST, starts[middle][0], len(below), 0), *below, *above]


def program(block: Block) -> bytes:
    """`block` as bytes."""
    return b"".join(instruction.packed() for instruction in block)
