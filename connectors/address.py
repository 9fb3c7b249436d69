"""URLs that carry secrets, and how to show them to people."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from videoxl_stream.errors import ConfigError

HIDDEN = "***"
_SHORT = 4  # a shorter secret is hidden as a word only: "0" must not make a riddle of every number
# Some cameras take the password in the path: /user=admin_password=secret_channel=1.sdp
_VALUE = re.compile(r"(?<==)[^&;/]*?(?=_[A-Za-z]+=|[&;/]|$)")
_PORTS = re.compile(r"(:\d*)?(,[^,]*?(:\d*)?)*")


class Address:
    """A URL with its secrets: whoever has user name, password or a query's values can see the footage.

    ``repr`` and ``str`` show what ``shown`` does.

    Args:
        url: the whole; special characters of user name and password are percent-encoded.
        secrets: what else must not be shown, such as a key that goes with it.

    Raises:
        ConfigError: it is no URL with a scheme; the message quotes nothing of it but the scheme.
    """

    def __init__(self, url: str, *, secrets: Iterable[str] = ()) -> None:
        self.url = url
        self._extra = tuple(filter(None, secrets))
        try:
            parts = urlsplit(url)
        except ValueError:
            raise _malformed(url) from None  # what it says quotes the URL
        self.scheme = parts.scheme.lower()
        self._userinfo, _, self.host = parts.netloc.rpartition("@")
        rest = url.partition(parts.netloc)[2] if parts.netloc else ""
        name_ends = self.host.rfind("]") + 1 or len(self.host.split(":")[0])
        if not self.scheme or "://" not in url or not _PORTS.fullmatch(self.host[name_ends:]):
            raise _malformed(url)
        if "@" in rest and not self._userinfo and ":" in self.host:
            raise _malformed(url)  # rtsp://user:1/2@gate is read as host "user" and port 1
        self.shown = urlunsplit((self.scheme, self.host, _VALUE.sub(HIDDEN, parts.path), "", ""))
        if not self.host:  # urlunsplit leaves empty hosts out
            self.shown = f"{self.scheme}://{_VALUE.sub(HIDDEN, parts.path)}"
        self._hidden = _pattern({*self._extra, *_secrets(self._userinfo, parts.path, parts.query, parts.fragment)})

    @property
    def has_login(self) -> bool:
        """Whether it names a user."""
        return bool(self._userinfo)

    def with_login(self, username: str, password: str = "") -> Address:
        """The same with a user name and password, given as people write them, in place of its own."""
        login = quote(username, safe="", errors="surrogateescape")
        if password:
            login += f":{quote(password, safe='', errors='surrogateescape')}"
        parts = urlsplit(self.url)
        return Address(urlunsplit(parts._replace(netloc=f"{login}@{self.host}")), secrets=self._extra)

    def hide(self, text: str) -> str:
        """Take every secret out of a text, however it is encoded; where the URL stands, ``shown`` stands then."""
        texts = text.replace(self.url, self.shown).split(self.shown)
        return self.shown.join(texts if self._hidden is None else (self._hidden.sub(HIDDEN, each) for each in texts))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and (self.url, self._extra) == (other.url, other._extra)

    def __hash__(self) -> int:
        return hash((self.url, self._extra))

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    def __str__(self) -> str:
        return self.shown


def _malformed(url: str) -> ConfigError:
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url)
    msg = (
        f"an address that begins with {scheme[0] if scheme else 'no scheme://'} cannot be understood; write it as "
        "scheme://user:password@host:port/path, with special characters of user name and password percent-encoded "
        "(@ as %40, / as %2F, : as %3A, # as %23, ? as %3F)"
    )
    return ConfigError(msg)


def _secrets(userinfo: str, path: str, query: str, fragment: str) -> Iterator[str]:
    user, _, password = userinfo.partition(":")
    yield from (userinfo, user, password, fragment)
    for pair in re.split("[&;]", query):
        name, found, value = pair.partition("=")
        yield value if found else name
    yield from _VALUE.findall(path)
    yield (
        base64.b64encode(unquote(userinfo).encode(errors="replace")).decode() if userinfo else ""
    )  # as HTTP's basic scheme has it


def _pattern(secrets: set[str]) -> re.Pattern[str] | None:
    """What matches any of the secrets in any of their spellings, the longest first."""
    spellings = {spelling for secret in secrets for spelling in _spellings(secret) if spelling}
    pieces = [_piece(each) for each in sorted(spellings, key=lambda each: (-len(each), each))]
    return re.compile("|".join(pieces), re.IGNORECASE) if pieces else None


def _spellings(secret: str) -> Sequence[str]:
    plain = unquote(secret)
    written = [json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1], repr(plain)[1:-1]]
    return [secret, plain, quote(plain, errors="replace"), quote(plain, safe="", errors="replace"), *written]


def _piece(spelling: str) -> str:
    exact = re.escape(spelling)
    return exact if len(spelling) >= _SHORT else rf"(?<![A-Za-z0-9]){exact}(?![A-Za-z0-9])"
