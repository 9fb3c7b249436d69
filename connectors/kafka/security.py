"""How to prove to brokers who we are, and to be sure who they are."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videoxl_stream.errors import ConfigError

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """Encryption and login of connections to brokers; the default is neither.

    Args:
        tls: whether to encrypt; naming a file below or a certificate does, too.
        ca_file: PEM file of the authorities to trust; None means those of the system.
        cert_file: PEM file of the client's own certificate, where brokers ask for one.
        key_file: PEM file of its key.
        key_password: of that file.
        mechanism: of SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
        username: to log in with.
        password: to log in with.

    Raises:
        ConfigError: an option lacks what belongs to it, or a file is missing or of no use.
    """

    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: str | None = field(default=None, repr=False)
    mechanism: str = "SCRAM-SHA-512"
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what would fail at every connection."""
        if self.mechanism not in MECHANISMS:
            msg = f"mechanism is {self.mechanism!r}; give one of {', '.join(MECHANISMS)}"
            raise ConfigError(msg)
        if (self.username is None) != (self.password is None):
            msg = "brokers need a username and a password, or neither; give both"
            raise ConfigError(msg)
        if self.key_file is not None and self.cert_file is None:
            msg = f"key_file {self.key_file} is of no use without its cert_file; give both"
            raise ConfigError(msg)
        for path in (self.ca_file, self.cert_file, self.key_file):
            if path is not None and not Path(path).is_file():
                msg = f"{path} is no file; give the path of a PEM file"
                raise ConfigError(msg)
        if self.encrypts:
            self._check_files()

    @property
    def encrypts(self) -> bool:
        """Whether connections are encrypted."""
        return self.tls or self.ca_file is not None or self.cert_file is not None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(filter(None, (self.key_password, self.username, self.password)))

    def settings(self) -> dict[str, Any]:
        """The same in the words of kafka-python."""
        login = self.username is not None
        settings: dict[str, Any] = {
            "security_protocol": f"{'SASL_' if login else ''}{'SSL' if self.encrypts else 'PLAINTEXT'}"
        }
        if self.encrypts:
            files = {"ssl_cafile": self.ca_file, "ssl_certfile": self.cert_file, "ssl_keyfile": self.key_file}
            settings |= {name: str(path) for name, path in files.items() if path is not None}
            settings["ssl_password"] = self.key_password or ""  # with None it would ask on the terminal
        if login:
            settings |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return settings

    def _check_files(self) -> None:
        """Load them once: at a connection they would fail as if no broker answered."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if self.ca_file is not None:
                context.load_verify_locations(self.ca_file)
        except OSError as e:
            msg = f"{self.ca_file} holds no certificates; give a PEM file of the authorities to trust"
            raise ConfigError(msg) from e
        try:
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file, self.key_password or "")
        except OSError as e:
            msg = f"{self.cert_file} cannot be used; give a certificate and its key in PEM, and the password of the key"
            raise ConfigError(msg) from e
