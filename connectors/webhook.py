"""Events out over HTTP: one signed request for each revision, as the Standard Webhooks specification has it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import httpx2

from videoxl_stream.connectors.address import Address
from videoxl_stream.connectors.signatures import keys, signature
from videoxl_stream.errors import ConfigError, SinkError
from videoxl_stream.events import Event

_AGAIN = {408, 425, 429}  # and 5xx: the receiver, not the event, is in trouble
_MOST_ANSWER_BYTES = 64 * 1024


class WebhookSink:
    """POSTs each event as JSON to a URL, signed; a ``RemoteSink``.

    Delivery: at least once; ``webhook-id`` is the same for the same event and revision, so that a receiver can tell
    repeats. A receiver checks requests with ``verify_webhook``, or with any library for Standard Webhooks. An answer
    of 2xx means delivered; 408, 425, 429 and 5xx are tried again, as is what gives no answer, and ``Retry-After`` is
    kept to; any other answer, a redirect too, refuses the event for good. Only scheme and host of the URL are ever
    shown. No proxy is used, whatever the environment says.

    Args:
        url: ``https://…`` or ``http://…``, without user name and password; those belong into ``headers``.
        secret: 24 random bytes or more in base64, with or without ``whsec_``. Several while it is being changed:
            requests carry a signature for each.
        headers: more headers of every request, such as ``Authorization``; never shown.
        timeout_s: for connecting, and for every silence after that.
        ca_file: certificates (PEM) to trust instead of the system's.

    Raises:
        ConfigError: the URL, a secret, a header or the CA file cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: str | Sequence[str],
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        ca_file: str | Path | None = None,
    ) -> None:
        whole = Address(url)
        if whole.scheme not in {"http", "https"} or not whole.host or whole.has_login:
            msg = f"{whole.scheme}://{whole.host} is no address for webhooks: give http(s)://host/path, without a login"
            raise ConfigError(msg)
        if timeout_s <= 0:
            msg = f"timeout_s is {timeout_s}; give the seconds after which a silent receiver is given up"
            raise ConfigError(msg)
        self._keys = keys(secret)
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
        hidden = [secret] if isinstance(secret, str) else [*secret]
        hidden += [path.lstrip("/"), *(headers or {}).values()]
        self._address = Address(f"{whole.scheme}://{whole.host}", secrets=hidden)
        self._url, self._headers, self._timeout_s = url, _headers(headers or {}, self._address), timeout_s
        # Not a Client: that logs whole URLs, and follows the environment.
        self._taken: set[str] = set()  # since the last flush: after a failure all of that is written again
        self._transport = httpx2.HTTPTransport(verify=_trusted(ca_file))

    def write(self, event: Event) -> None:
        """Deliver one event, and wait for the answer.

        Raises:
            SinkError: it was not taken; ``for_good`` if it never will be.
        """
        message_id = f"msg_{event.id}_{event.revision}"
        if message_id not in self._taken:
            self._post(message_id, event.model_dump_json())
            self._taken.add(message_id)

    def flush(self) -> None:
        """Nothing to wait for: ``write`` has waited."""
        self._taken.clear()

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self._transport.close()

    def __repr__(self) -> str:
        return f"WebhookSink({self._address.shown!r})"

    def _post(self, message_id: str, body: str) -> None:
        at = datetime.now(UTC).replace(microsecond=0)
        signed = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature(self._keys, message_id, at, body),
        }
        with self._errors():
            request = httpx2.Request(
                "POST",
                self._url,
                headers={**self._headers, **signed},
                content=body.encode(),
                extensions={"timeout": httpx2.Timeout(self._timeout_s).as_dict()},
            )
            response = self._transport.handle_request(request)
            try:
                self._read(response)
            finally:
                response.close()
        self._judge(response)

    def _read(self, response: httpx2.Response) -> None:
        """Take the answer's body off the connection, so that it can be used again; nobody wants it."""
        deadline, num_bytes = monotonic() + self._timeout_s, 0
        for chunk in response.iter_raw():
            num_bytes += len(chunk)
            if num_bytes > _MOST_ANSWER_BYTES or monotonic() > deadline:
                return

    def _judge(self, response: httpx2.Response) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        reason = f"{status} {response.reason_phrase}".strip()
        if status in _AGAIN or status >= 500:
            msg = f"{self._address.shown} answered {reason}; it is tried again"
            raise SinkError(self._address.hide(msg), wait_s=_asked_s(response.headers.get("retry-after", "")))
        remedy = "give the address it redirects to" if 300 <= status < 400 else "see to the receiver, then say retry"
        raise SinkError(self._address.hide(f"{self._address.shown} answered {reason}; {remedy}"), for_good=True)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.HTTPError, OSError) as e:
            reason = self._address.hide(str(e)) or type(e).__name__
            msg = f"{self._address.shown} gave no answer: {reason}; it is tried again"
            raise SinkError(msg) from e


def _headers(headers: Mapping[str, str], address: Address) -> dict[str, str]:
    named = {name.lower(): value for name, value in headers.items()}
    if wrong := sorted(name for name in named if name.startswith("webhook-")):
        msg = f"headers {wrong} of {address.shown} are made by the signature; leave them out"
        raise ConfigError(msg)
    if wrong := sorted(name for name, value in named.items() if not (name + value).isprintable()):
        msg = f"headers {wrong} of {address.shown} hold line breaks or the like; give one line of text"
        raise ConfigError(msg)
    return {"content-type": "application/json", "user-agent": "videoxl-stream", **named}


def _trusted(ca_file: str | Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as e:  # ssl's own errors among them
        msg = f"CA file {ca_file} cannot be read: {e.strerror or e}; give certificates in PEM form"
        raise ConfigError(msg) from e


def _asked_s(retry_after: str) -> float:
    """Seconds that a header ``Retry-After`` asks for, as a number or a date; 0 if it cannot be read (RFC 9110)."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, (at.astimezone(UTC) - datetime.now(UTC)).total_seconds())
