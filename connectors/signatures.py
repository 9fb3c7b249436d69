"""Signatures of webhooks, as the Standard Webhooks specification has them: how they are made and checked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from videoxl_stream.errors import ConfigError, WebhookError
from videoxl_stream.events import Event

PREFIX = "whsec_"
_LEAST_SECRET_BYTES = 24
_MAKE = "openssl rand -base64 32"


def verify_webhook(headers: Mapping[str, str], body: bytes, secret: str | Sequence[str]) -> Event:
    """Check that a request came from someone who knows the secret, a few minutes ago at most, and read its event.

    The same event and revision may come again: keep ``(event.id, event.revision)``, or the header ``webhook-id``,
    of what was dealt with.

    Args:
        headers: of the request; upper and lower case are the same.
        body: of the request, as it came.
        secret: as given to ``WebhookSink``; several where it is being changed.

    Raises:
        ConfigError: a secret cannot be used.
        WebhookError: it is not signed so, or too old, or holds no event; answer it with 400.
    """
    found = {name.lower(): value for name, value in headers.items()}
    if not any(_fits(key, found, body) for key in keys(secret)):
        msg = "the webhook's signature fits none of the secrets, or its time is more than 5 minutes off"
        raise WebhookError(msg)
    try:
        return Event.model_validate_json(body)
    except ValidationError as e:
        msg = "the webhook is signed but holds no event that this version knows; upgrade videoxl-stream"
        raise WebhookError(msg) from e


def keys(secret: str | Sequence[str]) -> list[Webhook]:
    """What signs and checks, for each secret.

    Raises:
        ConfigError: there is none, or one is too short or no base64.
    """
    secrets = [secret] if isinstance(secret, str) else secret
    found = []
    for each in secrets:
        text = each.strip().removeprefix(PREFIX).rstrip("=")
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (ValueError, binascii.Error):
            key = b""
        if len(key) < _LEAST_SECRET_BYTES:
            break
        found.append(Webhook(key))
    if not found or len(found) < len(secrets):
        msg = f"a webhook's secret is {_LEAST_SECRET_BYTES} random bytes or more in base64; make one with: {_MAKE}"
        raise ConfigError(msg)
    return found


def signature(secrets: Sequence[Webhook], message_id: str, at: datetime, body: str) -> str:
    """The value of the header ``webhook-signature``: one for each secret, so that either side may change first."""
    return " ".join(each.sign(message_id, at, body) for each in secrets)


def _fits(key: Webhook, headers: dict[str, str], body: bytes) -> bool:
    try:
        key.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # it does not expect malformed headers
        return False
    return True
