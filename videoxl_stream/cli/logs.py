"""How a daemon logs: a line of text for people, or a line of JSON for collectors."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from enum import StrEnum

_PLAIN = logging.makeLogRecord({}).__dict__.keys() | {"message", "asctime", "taskName"}


class LogFormat(StrEnum):
    """Form of log lines."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which on this package's records are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class JSONLines(logging.Formatter):
    """Each record as one JSON object: time, level, logger, message, what was given as ``extra``, and the error."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        about: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        about |= {name: value for name, value in record.__dict__.items() if name not in _PLAIN}
        if record.exc_info:
            about["error"] = self.formatException(record.exc_info)
        return json.dumps(about, default=str)


def log_to_stderr(form: LogFormat, level: LogLevel) -> None:
    """Let everything of this package be logged to standard error; of others, what is a warning or worse."""
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JSONLines() if form is LogFormat.JSON else text)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("videoxl_stream").setLevel(level.upper())
