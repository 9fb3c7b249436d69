"""Packets into a file as they are, without decoding and encoding them again."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from videoxl_stream.frames import Codec, Packet

TICKS_PER_S = 90_000  # whole numbers of these make up a frame at every usual rate
TIME_BASE = Fraction(1, TICKS_PER_S)

# FFmpeg's name of a format -> Matroska's; https://www.matroska.org/technical/codec_specs.html
_MATROSKA_CODECS = {
    "av1": "V_AV1",
    "h264": "V_MPEG4/ISO/AVC",
    "hevc": "V_MPEGH/ISO/HEVC",
    "libdav1d": "V_AV1",  # the decoder's name, by which PyAV calls the format
    "mjpeg": "V_MJPEG",
    "mpeg1video": "V_MPEG1",
    "mpeg2video": "V_MPEG2",
    "mpeg4": "V_MPEG4/ISO/ASP",
    "vp8": "V_VP8",
    "vp9": "V_VP9",
}
_NOT_IN_MP4 = {"vp8"}


def can_remux(codec: Codec) -> bool:
    """Whether packets of this kind can be put into a file as they are."""
    return codec.name in _MATROSKA_CODECS


def suffix_of(codec: Codec) -> str:
    """Suffix of the file that holds them."""
    return ".mkv" if codec.name in _NOT_IN_MP4 else ".mp4"


def remux(packets: Sequence[Packet], path: Path) -> None:
    """Write packets into a file; its time begins at 0 with the first.

    Args:
        packets: of one codec, beginning with a keyframe that none of them precedes in presentation.
        path: overwritten.

    Raises:
        av.FFmpegError: they are damaged, or there is no room.
        OSError: likewise.
    """
    codec = packets[0].codec
    mp4 = suffix_of(codec) == ".mp4"
    options = {"movflags": "+faststart", "video_track_timescale": str(TICKS_PER_S)} if mp4 else {}
    with (
        template(packets[0]) as like,
        av.open(str(path), "w", format="mp4" if mp4 else "matroska", options=options) as container,
    ):
        track = container.add_stream_from_template(_track(like), opaque=True)
        if codec.name == "hevc" and mp4:
            track.codec_context.codec_tag = "hvc1"  # the one that Apple's players take
        _mux(packets, container, track)


def _mux(packets: Sequence[Packet], container: OutputContainer, track: VideoStream) -> None:
    before: int | None = None
    for packet, duration in zip(packets, _durations(packets), strict=True):
        encoded = av.Packet(packet.data)
        encoded.stream, encoded.time_base = track, TIME_BASE
        decode = _ticks(packet.decode_s - packets[0].time_s)
        # Containers want decoding times that rise, and none behind its presentation.
        before = decode if before is None else max(decode, before + 1)
        encoded.dts, encoded.pts = before, max(before, _ticks(packet.time_s - packets[0].time_s))
        encoded.duration, encoded.is_keyframe = duration, packet.keyframe
        container.mux(encoded)


def _durations(packets: Sequence[Packet]) -> list[int]:
    """How long each packet's picture is shown, in ticks; where nobody said, until the next picture."""
    times = sorted(packet.time_s for packet in packets)
    steps = {sooner: later - sooner for sooner, later in pairwise(times)}
    steps[times[-1]] = steps[times[-2]] if len(times) > 1 else 0.0
    return [_ticks(packet.duration_s or steps[packet.time_s]) for packet in packets]


def _ticks(seconds: float) -> int:
    return round(seconds * TICKS_PER_S)


def template(keyframe: Packet) -> InputContainer:
    """Open a file in memory whose one track is encoded as a keyframe is.

    PyAV makes a track for ready packets only from another container's track. So the least Matroska file that has one
    is written here: a header, the codec's private data, and one block.

    Raises:
        av.FFmpegError: the keyframe or its extradata is damaged.
    """
    codec = keyframe.codec
    video = _element(0xB0, codec.width) + _element(0xBA, codec.height)
    if codec.quarter_turns:
        roll = struct.pack(">f", 90.0 * codec.quarter_turns)
        video += _element(0x7670, _element(0x7671, 0) + _element(0x7675, roll))  # projection: rectangular, rolled
    track = _element(0xD7, 1) + _element(0x73C5, 1) + _element(0x83, 1)  # number 1, identity 1, video
    track += _element(0x86, _MATROSKA_CODECS[codec.name].encode()) + _element(0xE0, video)
    if codec.extradata:
        track += _element(0x63A2, codec.extradata)
    cluster = _element(0xE7, 0) + _element(0xA3, b"\x81\x00\x00\x80" + keyframe.data)  # track 1, time 0, keyframe
    segment = _element(0x1654AE6B, _element(0xAE, track)) + _element(0x1F43B675, cluster)
    header = _element(0x1A45DFA3, _element(0x4282, b"matroska") + _element(0x4287, 4) + _element(0x4285, 2))
    return av.open(io.BytesIO(header + _element(0x18538067, segment)), "r", format="matroska")


def _track(container: InputContainer) -> VideoStream:
    track = container.streams.video[0]
    if track.codec_context is None:  # PyAV would crash on it
        msg = "the keyframe does not say how it is encoded"
        raise ValueError(msg)
    return track


def _element(identity: int, content: bytes | int) -> bytes:
    """One element of Matroska: identity, length, content (RFC 8794)."""
    if isinstance(content, int):
        content = content.to_bytes(max(1, (content.bit_length() + 7) // 8))
    name = identity.to_bytes((identity.bit_length() + 7) // 8)
    return name + (len(content) | 1 << 56).to_bytes(8) + content
