"""A pipe whose reader may stop, and waits that grow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise

import pytest

from videoxl_stream.connectors.backoff import Backoff
from videoxl_stream.connectors.messages import Message, messages
from videoxl_stream.connectors.outlet import Outlet

BODY = bytes(1 << 20)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)  # its other side stays with the outlet's thread, which a process ends with


def read_until(fd: int, kind: str) -> list[Message]:
    read: list[Message] = []
    for message in messages(fd):
        if message is not None:
            read.append(message)
            if message.kind == kind:
                break
    return read


def test_a_reader_that_stops_costs_frames_and_not_memory(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1], max_bytes=4 * len(BODY), patience_s=0.1)
    offered = [outlet.offer({"kind": "frame", "number": number}, BODY) for number in range(20)]
    taken = [number for number, was_taken in enumerate(offered) if was_taken]
    assert taken == list(range(len(taken)))
    assert 4 <= len(taken) <= 7
    outlet.send({"kind": "ended"})  # of these none is lost
    read = read_until(pipe[0], "ended")
    assert [message.header["number"] for message in read[:-1]] == taken
    assert all(message.body.tobytes() == BODY for message in read[:-1])
    outlet.flush()
    assert outlet.offer({"kind": "frame"}, BODY)  # as soon as somebody reads again
    outlet.send({"kind": "ended"})
    assert len(read_until(pipe[0], "ended")) == 2


def test_waits_double_up_to_a_cap_and_differ_by_name() -> None:
    backoff = Backoff("gate")
    waits = [backoff.next_s() for _ in range(12)]
    wholes = [min(0.5 * 2**place, 30.0) for place in range(12)]
    assert all(whole / 2 <= wait <= whole for wait, whole in zip(waits, wholes, strict=True))
    assert len(set(waits)) == 12
    assert all(later > earlier for earlier, later in pairwise(waits[:6:2]))
    again, other = Backoff("gate"), Backoff("door")
    assert [again.next_s() for _ in range(12)] == waits
    assert other.next_s() != waits[0]
    backoff.reset()
    assert backoff.next_s() <= 0.5
