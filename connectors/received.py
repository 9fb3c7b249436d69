"""Encoded packets, as they arrive from a decoding process."""

from __future__ import annotations

import math

from videoxl_stream.connectors.messages import Message
from videoxl_stream.frames import Codec, Packet


class ReceivedPackets:
    """Packets of one stream that nobody has fetched yet; over all its files their decoding times never fall."""

    def __init__(self) -> None:
        self._packets: list[Packet] = []
        self._codec: Codec | None = None
        self._decode_s = -math.inf

    def add(self, message: Message) -> None:
        """Take a ``codec`` or a ``packet`` message; files encoded alike share one codec."""
        if message.kind == "codec":
            about = {key: value for key, value in message.header.items() if key != "kind"}
            codec = Codec(extradata=message.body.tobytes(), **about)
            self._codec = self._codec if codec == self._codec else codec
        elif self._codec is not None:
            header = message.header
            self._decode_s = max(self._decode_s, header["decode_s"])
            self._packets.append(
                Packet(
                    time_s=header["time_s"],
                    decode_s=self._decode_s,
                    duration_s=header["duration_s"],
                    keyframe=header["keyframe"],
                    data=message.body.tobytes(),
                    codec=self._codec,
                )
            )

    def take(self) -> tuple[Packet, ...]:
        """Hand over what has come."""
        packets, self._packets = tuple(self._packets), []
        return packets
