"""Every error this package raises on purpose.

    VideoXLStreamError
    ├── ConfigError            an argument, option or definition cannot work
    │   └── InUse              another process uses what only one can
    ├── SourceError            a source failed
    │   ├── SourceOpenError    it could not be opened
    │   ├── SourceReadError    it broke while being read
    │   └── EndOfStream        it has no more frames (control flow, not a fault)
    ├── ModelError             the model cannot do what was asked
    │   ├── CheckpointError    a weights folder is missing, damaged or of another kind
    │   ├── MemoryFormatError  a saved memory is damaged or belongs to another model
    │   └── NotInMemoryError   the asked span holds no footage that is still in memory
    ├── StoreError             the event store refused or could not be reached
    │   └── StreamTaken        another process has gone on with the stream since
    ├── SinkError              a sink did not take an event
    └── WebhookError           what was received is no webhook of ours

Catch ``VideoXLStreamError`` to catch all of them. Messages name the remedy; the library error that caused
one is chained as ``__cause__``.
"""

from __future__ import annotations


class VideoXLStreamError(Exception):
    """Root of every error that this package raises on purpose."""


class ConfigError(VideoXLStreamError, ValueError):
    """Raised when an argument, option or definition cannot work, before any work starts."""


class InUse(ConfigError):  # noqa: N818 - how things stand, and mostly for a moment
    """Raised when another process uses what only one can, such as a stream's memory on disk."""


class SourceError(VideoXLStreamError):
    """Raised when a source of frames fails."""


class SourceOpenError(SourceError):
    """Raised when a source cannot be opened."""


class SourceReadError(SourceError):
    """Raised when an open source breaks while it is read."""


class EndOfStream(SourceError):  # noqa: N818 - control flow, named as PyAV and the field name it
    """Raised by ``read`` when a source has no more frames."""


class ModelError(VideoXLStreamError):
    """Raised when the model cannot do what was asked."""


class CheckpointError(ModelError):
    """Raised when a weights folder is missing, damaged, unsafe or of another kind."""


class MemoryFormatError(ModelError):
    """Raised when a saved memory is damaged or belongs to another model or ratio."""


class NotInMemoryError(ModelError):
    """Raised when the asked span holds no footage that is still in memory."""


class StoreError(VideoXLStreamError):
    """Raised when the event store refuses or cannot be reached."""


class StreamTaken(StoreError):  # noqa: N818 - how things stand
    """Raised when another process has gone on with a stream since; nothing was written, and nothing may be.

    Args:
        stream_id: name of the stream.
    """

    def __init__(self, stream_id: str) -> None:
        super().__init__(
            f"stream {stream_id!r} is watched by another process now, which goes on from what is stored; where that "
            "was not meant, stop one of the two, or give it another pipeline name"
        )
        self.stream_id = stream_id


class SinkError(VideoXLStreamError):
    """Raised when a sink does not take an event; the event is still to be delivered.

    Args:
        message: why, and the remedy; without credentials.
        for_good: whether this event can never be taken, and others may be.
        wait_s: for how long the sink asked to be left alone, in seconds.
    """

    def __init__(self, message: str, *, for_good: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.for_good, self.wait_s = for_good, wait_s


class WebhookError(VideoXLStreamError):
    """Raised when a webhook that was received is unsigned, too old or no event; answer it with status 400."""
