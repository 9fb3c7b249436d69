"""Events as files that other programs read, and their evidence beside them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event

if TYPE_CHECKING:
    from videoxl_stream.store import EventStore


class Format(StrEnum):
    """How events are written."""

    JSONL = "jsonl"
    CSV = "csv"

    @classmethod
    def of(cls, path: Path) -> Format:
        """What a file's name says.

        Raises:
            ConfigError: it says nothing of use.
        """
        try:
            return cls(path.suffix.removeprefix(".").lower())
        except ValueError as e:
            msg = f"{path.name} says not how to write events; name it .jsonl or .csv"
            raise ConfigError(msg) from e


@dataclass(slots=True)
class Written:
    """What an export wrote.

    Args:
        out: the file.
        folder: of copied evidence.
        events: rows.
        files: of evidence copied.
        missing: of evidence that was not there.
    """

    out: Path
    folder: Path | None
    events: int = 0
    files: int = 0
    missing: int = 0

    def __str__(self) -> str:
        """For people."""
        text = f"{self.events} events are in {self.out}"
        if self.folder is not None:
            text += f", {self.files} files of evidence in {self.folder}"
        if self.missing:
            text += f"; {self.missing} files are missing, look with: videoxl-stream store doctor"
        return text


def write_events(
    store: EventStore, events: Iterable[Event], out: Path, form: Format, evidence: Path | None, *, keep: bool
) -> Written:
    """Write events to a file that is there only when it is whole.

    Args:
        store: where they are from.
        events: any number.
        out: the file.
        form: of the file.
        evidence: folder of evidence; its files are copied beside ``out``. None copies nothing.
        keep: whether the events are marked as kept, before anything is copied.

    Raises:
        ConfigError: a file or folder cannot be read or written.
    """
    written = Written(out, None if evidence is None else out.with_name(f"{out.stem}_evidence"))
    temporary = out.with_name(out.name + ".part")
    if evidence is not None and not evidence.is_dir():
        msg = f"there is no evidence folder {evidence}; give the one that the pipeline writes to"
        raise ConfigError(msg)
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            write = _writer(file, form)
            for event in events:
                if keep:
                    store.keep(event.id)
                if evidence is not None and written.folder is not None:
                    _copy(store, event, evidence, written.folder, written)
                write(event)
                written.events += 1
        temporary.replace(out)
    except OSError as e:
        msg = f"{e.filename or out} cannot be read or written: {e.strerror}; give a file in a folder of yours"
        raise ConfigError(msg) from e
    finally:
        temporary.unlink(missing_ok=True)
    return written


def _writer(file: TextIO, form: Format) -> Callable[[Event], object]:
    if form == Format.JSONL:
        return lambda event: file.write(event.model_dump_json() + "\n")
    rows = csv.DictWriter(file, list(Event.model_fields), lineterminator="\n")
    rows.writeheader()
    return lambda event: rows.writerow(event.model_dump(mode="json"))


def _copy(store: EventStore, event: Event, evidence: Path, folder: Path, written: Written) -> None:
    for exhibit in store.exhibits(event_id=event.id):
        source, target = evidence / exhibit.path, folder / exhibit.path
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            written.files += 1
        else:
            written.missing += 1
