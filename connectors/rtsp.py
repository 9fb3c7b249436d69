"""Cameras and other live streams, through FFmpeg in a process of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from videoxl_stream.connectors.address import Address
from videoxl_stream.connectors.camera_link import CameraLink
from videoxl_stream.connectors.open_camera import OpenCamera
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.errors import ConfigError
from videoxl_stream.interfaces import Position

_STALL_S, _PLAYLIST_STALL_S = 10.0, 30.0
_DECODE = ("all", "keyframes", "hardware")


class RTSPSource:
    """A camera or another live stream: RTSP, RTMP, HLS and MJPEG over HTTP, or a device of this machine.

    Delivery: every sampled frame once, in order, as it arrives. Nothing is asked for again: what is sent while the
    connection is down is missing, and the gap shows in the times. A camera that is away is never an error: it is tried
    again for ever, half a second after it was lost and then after longer and longer waits of up to 30 s, each shortened
    at random; ``OpenCamera.connection`` tells whether it is up, and why not. A stream that ends is such a loss too.
    Decoding runs in a process of its own: a crash or hang costs this camera a reconnection, and others nothing. It
    never lets the network wait for the reader: where nobody reads for 5 s, frames are given up and counted in
    ``OpenCamera.dropped``.

    Resume: ``position()`` keeps the number of the next frame and the clock; ``open(resume)`` goes on with what the
    camera shows then. Numbers go on without a gap, times with one as long as it was.

    Time counts seconds of UTC from the stream's first frame, over all reconnections and restarts: ``utc`` is always
    that frame's moment plus ``time_s``. Within one connection times go by the camera's own presentation times, so that
    a network that delivers in bursts does not show; they are kept to UTC, at most 0.5 % faster or slower, where they
    drift, and never run back. UTC comes from the camera's clock where it sends one (RTCP sender reports) that is
    within 5 s of this machine's, else from the moment of arrival. Presentation times that jump are tied to UTC anew.

    Args:
        url: ``rtsp://``, ``rtsps://``, ``rtmp://``, ``http://``, ``https://`` or ``webcam:///dev/video0``. It may hold
            user name and password, special characters percent-encoded; they are never shown.
        sample_fps: as for ``FileSource``.
        stream_id: name of the stream; None means host and path of the URL, which are shown to people.
        username: of the camera, instead of one in the URL, as people write it.
        password: goes with it.
        transport: of RTSP: ``"tcp"``, also where it is None, or ``"udp"``.
        ca_file: certificates to trust instead of the system's, in PEM: a camera's own, or that of who signed it.
        verify_tls: whether to insist on a certificate that is trusted.
        decode: ``"all"``; ``"keyframes"`` to decode nothing else, at less than half of the work and one picture every
            few seconds; or ``"hardware"`` to decode on a GPU if there is one that can, else as ``"all"``.
        threads: of FFmpeg, for this camera.
        open_timeout_s: how long the camera may take to answer.
        stall_timeout_s: how long it may send nothing, and the decoder say nothing; None means 10 s, and 30 s for
            playlists (``.m3u8``), which come in pieces.

    Raises:
        ConfigError: it can never work: the address, the sampling or a time-out is malformed, the file of certificates
            is missing, or an option does not go with the scheme.
    """

    def __init__(  # noqa: PLR0913 - each is an option that users give by name
        self,
        url: str | Path,
        *,
        sample_fps: float | Literal["keyframes"] | None = 1.0,
        stream_id: str | None = None,
        username: str | None = None,
        password: str | None = None,
        transport: Literal["tcp", "udp"] | None = None,
        ca_file: str | Path | None = None,
        verify_tls: bool = True,
        decode: Literal["all", "keyframes", "hardware"] = "all",
        threads: int = 1,
        open_timeout_s: float = 10.0,
        stall_timeout_s: float | None = None,
    ) -> None:
        address = _with_login(Address(str(url)), username, password)
        self._link = CameraLink(address, transport=transport, ca_file=ca_file, verify_tls=verify_tls)
        self._sampling = Sampling.of(sample_fps)
        self._decode = "keyframes" if self._sampling.keyframes else decode
        if stall_timeout_s is None:
            stall_timeout_s = _PLAYLIST_STALL_S if address.shown.endswith(".m3u8") else _STALL_S
        for name, value in (("open_timeout_s", open_timeout_s), ("stall_timeout_s", stall_timeout_s)):
            if not value > 0:
                msg = f"{name} is {value}; give seconds above 0"
                raise ConfigError(msg)
        if decode not in _DECODE or threads < 1:
            msg = f"decode is {decode!r} and threads {threads}; give one of {', '.join(_DECODE)}, and 1 thread or more"
            raise ConfigError(msg)
        self._threads = threads
        self._open_timeout_s, self._stall_timeout_s = open_timeout_s, stall_timeout_s
        self._stream_id = stream_id or address.shown.partition("://")[2].strip("/")

    @property
    def stream_id(self) -> str:
        """Name of the stream."""
        return self._stream_id

    @property
    def live(self) -> bool:
        """Always: a camera does not wait."""
        return True

    def open(self, resume: Position | None = None, *, packets: bool = False) -> OpenCamera:
        """Begin; that the camera is not there yet is no error.

        Args:
            resume: an earlier ``position()``: time and numbers go on from there.
            packets: hand out encoded packets too, which the reader then has to fetch after each read.

        Raises:
            SourceOpenError: ``resume`` is not a position in a live stream.
        """
        return OpenCamera(
            self._link,
            stream_id=self._stream_id,
            sampling=self._sampling,
            decode=self._decode,
            threads=self._threads,
            open_timeout_s=self._open_timeout_s,
            stall_timeout_s=self._stall_timeout_s,
            resume=resume,
            packets=packets,
        )

    def __repr__(self) -> str:
        return f"RTSPSource({self._link.shown!r})"


def _with_login(address: Address, username: str | None, password: str | None) -> Address:
    if username is None and password is None:
        return address
    if not username:
        msg = f"{address.shown} has a password for nobody; give username, too"
        raise ConfigError(msg)
    if address.has_login:
        msg = f"{address.shown} names a user and is given a username; leave one of them out"
        raise ConfigError(msg)
    return address.with_login(username, password or "")
