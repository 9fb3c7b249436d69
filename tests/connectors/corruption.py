"""Files that went wrong, made out of good ones from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

Damage = Callable[[Random, bytes], bytes]


def cut(rng: Random, data: bytes) -> bytes:
    """End somewhere, often within the first picture."""
    return data[: int(len(data) * rng.random() ** rng.choice([1, 1, 3]))]


def flip(rng: Random, data: bytes) -> bytes:
    """Turn single bits over."""
    damaged = bytearray(data)
    for _ in range(rng.choice([1, 10, 100])):
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def zero(rng: Random, data: bytes) -> bytes:
    """Lose a range, as a drive with bad sectors does."""
    begin, length = rng.randrange(len(data)), rng.choice([16, 200, 2000])
    return data[:begin] + bytes(len(data[begin : begin + length])) + data[begin + length :]


def swap(rng: Random, data: bytes) -> bytes:
    """Put the second part first."""
    place = rng.randrange(len(data))
    return data[place:] + data[:place]


def scramble(rng: Random, data: bytes) -> bytes:
    """Write noise over part of the header."""
    length = rng.choice([4, 16, 64])
    begin = rng.randrange(400)
    return data[:begin] + rng.randbytes(length) + data[begin + length :]


def stutter(rng: Random, data: bytes) -> bytes:
    """Repeat a piece in place."""
    begin = rng.randrange(len(data))
    return data[: begin + rng.choice([10, 500])] + data[begin:]


KINDS: Mapping[str, Damage] = {
    "cut": cut,
    "flip": flip,
    "zero": zero,
    "swap": swap,
    "scramble": scramble,
    "stutter": stutter,
}
