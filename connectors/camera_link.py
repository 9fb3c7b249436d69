"""How a camera is reached: what FFmpeg is told for each scheme, and what it may touch."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from videoxl_stream.connectors.address import Address
from videoxl_stream.errors import ConfigError

# What a stream can make us open: a playlist or a redirection leads to no file, and away from TLS to nothing open.
_PROTOCOLS = {
    "rtsp": "rtsp,rtp,tcp,udp",
    "rtsps": "rtsps,rtsp,rtp,srtp,tls,tcp,udp",
    "rtmp": "rtmp,tcp",
    "http": "http,https,httpproxy,tcp,tls,crypto",
    "https": "https,httpproxy,tls,tcp,crypto",
    "webcam": "",
}
_WEB_FORMATS = "hls,applehttp,mpegts,mov,mp4,m4a,3gp,3g2,mj2,flv,live_flv,mpjpeg,mjpeg,matroska,webm,aac,h264,hevc"
_FORMATS = {"rtsp": "rtsp", "rtsps": "rtsp", "rtmp": "flv,live_flv", "http": _WEB_FORMATS, "https": _WEB_FORMATS}
_INPUT = {"webcam": "v4l2"}
_ANALYSED_US = 3_000_000  # of a stream before it is decoded


class CameraLink:
    """A camera's address and how to get there.

    Args:
        address: the whole.
        transport: of RTSP, ``tcp`` or ``udp``.
        ca_file: certificates to trust instead of the system's.
        verify_tls: whether to insist on a certificate that is trusted.

    Raises:
        ConfigError: an option is unknown, or does not go with the scheme; or the file is missing.
    """

    def __init__(
        self, address: Address, *, transport: str | None, ca_file: str | Path | None, verify_tls: bool
    ) -> None:
        if address.scheme not in _PROTOCOLS:
            msg = f"{address.shown} is no camera; give one of {', '.join(f'{each}://' for each in _PROTOCOLS)}"
            raise ConfigError(msg)
        self._address = address
        self._secure = address.scheme in {"rtsps", "https"}
        _check(address, transport, secure=self._secure, asked=ca_file is not None or not verify_tls)
        if ca_file is not None and not Path(ca_file).is_file():
            msg = f"ca_file {ca_file} is missing; give a file of certificates in PEM"
            raise ConfigError(msg)
        self._transport = transport or "tcp"
        self._ca_file, self._verify_tls = ca_file, verify_tls

    @property
    def shown(self) -> str:
        """The address without its secrets."""
        return self._address.shown

    def hide(self, text: str) -> str:
        """Take every secret of the address out of a text."""
        return self._address.hide(text)

    def to_json(self) -> dict[str, Any]:
        """What the capturing process needs, secrets included."""
        scheme = self._address.scheme
        options = {"protocol_whitelist": _PROTOCOLS[scheme], "fpsprobesize": "0", "analyzeduration": str(_ANALYSED_US)}
        if scheme in _FORMATS:
            options["format_whitelist"] = _FORMATS[scheme]
        if scheme in {"rtsp", "rtsps"}:
            options |= {"rtsp_transport": self._transport, "allowed_media_types": "video"}
        if self._secure:
            options["tls_verify"] = str(int(self._verify_tls))
            if self._verify_tls:
                options["ca_file"] = str(self._ca_file or ssl.get_default_verify_paths().cafile or "")
        return {"url": self._url(), "format": _INPUT.get(scheme), "options": options}

    def _url(self) -> str:
        return unquote(urlsplit(self._address.url).path) if self._address.scheme == "webcam" else self._address.url


def _check(address: Address, transport: str | None, *, secure: bool, asked: bool) -> None:
    """Refuse what would be silently left aside."""
    if transport not in {None, "tcp", "udp"}:
        msg = f"transport is {transport!r}; give 'tcp' or 'udp'"
        raise ConfigError(msg)
    if transport is not None and address.scheme not in {"rtsp", "rtsps"}:
        msg = f"{address.shown} has no transport to choose; leave transport out"
        raise ConfigError(msg)
    if asked and not secure:
        msg = f"{address.shown} knows no certificates; leave ca_file and verify_tls out, or use rtsps:// or https://"
        raise ConfigError(msg)
    if address.scheme == "webcam" and (address.host or address.has_login):
        msg = f"{address.shown} is no device; write it as webcam:///dev/video0"
        raise ConfigError(msg)
    if address.scheme != "webcam" and not address.host:
        msg = f"{address.shown} names no host; write it as {address.scheme}://host/path"
        raise ConfigError(msg)
