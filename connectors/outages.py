"""Why a camera gives no footage, in words for people, which quote nothing of its address."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import av
from av import error

_ASK_TIMEOUT_S = 3.0
_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "http": 80, "https": 443}

_BY_KIND: dict[type[Exception], str] = {
    error.HTTPUnauthorizedError: "refuses the user name or password (401); correct them",
    error.HTTPForbiddenError: "forbids this user to watch (403); give the user the right to",
    error.HTTPNotFoundError: "knows no such path (404); correct the address",
    error.HTTPBadRequestError: "does not understand the request (400); correct the address",
    error.HTTPServerError: "has a fault of its own (5xx)",
    error.ProtocolNotFoundError: "leads to where a camera may not lead us: a file or another protocol",
    error.InvalidDataError: "sends what is no video",
    error.EOFError: "ended the stream",
}
_BY_NUMBER = {
    errno.ECONNREFUSED: "is not there: the connection is refused",
    errno.EHOSTUNREACH: "is not there: the network does not reach it",
    errno.ENETUNREACH: "is not there: the network does not reach it",
    errno.ECONNRESET: "broke the connection",
    errno.EPIPE: "broke the connection",
    errno.ENOENT: "is missing: there is no such device",
    errno.ENODEV: "is missing: there is no such device",
    errno.ENXIO: "is missing: there is no such device",
    errno.EPROTONOSUPPORT: "does not offer this transport; set transport to the other one, tcp or udp",
    errno.EBUSY: "is in use by another program",
    errno.EACCES: "may not be used; give the user who runs this the right to",
    errno.EPERM: "may not be used; give the user who runs this the right to",
    errno.ENOTTY: "is no camera",
}


class Outage(Exception):  # noqa: N818 - how every connection ends some day
    """Raised when a connection to a camera comes to its end.

    Args:
        reason: in words that go on from "the camera".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def silence(timeout_s: float) -> str:
    """It does not answer at all."""
    return f"does not answer: nothing for {timeout_s:g} s"


def stall(timeout_s: float) -> str:
    """It was there and says nothing more."""
    return f"stopped sending: nothing for {timeout_s:g} s"


ENDED = "ended the stream"
NO_VIDEO = "sends no video"
HANG = "makes the decoder hang"


def outage(fault: av.FFmpegError | OSError, link: Mapping[str, Any], *, opening: bool) -> Outage:
    """Put an error of FFmpeg into words.

    Args:
        fault: what it raised; only its kind is used, for its text quotes the address.
        link: how the camera was to be reached.
        opening: whether that was while connecting: then the network is asked where FFmpeg says nothing.
    """
    for kind, words in _BY_KIND.items():
        if isinstance(fault, kind):
            return Outage(words)
    if isinstance(fault, TimeoutError | error.ExitError):
        return Outage("does not answer in time")
    if fault.errno == errno.EIO and opening:
        return Outage(_asked(link) or "cannot be connected to")
    return Outage(_BY_NUMBER.get(fault.errno or 0, f"broke off ({type(fault).__name__})"))


def _asked(link: Mapping[str, Any]) -> str | None:
    """FFmpeg calls it an input/output error when a name is unknown, and when a certificate is not trusted."""
    try:
        _connect(link)
    except socket.gaierror:
        words = "is not found: nobody knows the name of its host"
    except ssl.SSLCertVerificationError as e:
        words = f"shows a certificate that is not trusted ({e.verify_message}); give ca_file, or verify_tls=False"
    except ssl.SSLError:
        words = "speaks no TLS that we understand"
    except TimeoutError:
        words = silence(_ASK_TIMEOUT_S)
    except OSError as e:
        return _BY_NUMBER.get(e.errno or 0)
    else:
        return None
    return words


def _connect(link: Mapping[str, Any]) -> None:
    parts, options = urlsplit(link["url"]), link["options"]
    if parts.scheme not in _PORTS or parts.hostname is None:
        return
    with socket.create_connection((parts.hostname, parts.port or _PORTS[parts.scheme]), _ASK_TIMEOUT_S) as raw:
        if options.get("tls_verify") == "1":
            context = ssl.create_default_context(cafile=options["ca_file"] or None)
            with context.wrap_socket(raw, server_hostname=parts.hostname):
                pass
