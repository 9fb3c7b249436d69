"""The page: docs/embedded.md, from the records alone; what people write stands in other files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from videoxl_stream.evaluation.embedded.needle_part import NeedlePart
from videoxl_stream.evaluation.embedded.part import Part
from videoxl_stream.evaluation.embedded.part_tables import markdown, tables
from videoxl_stream.evaluation.embedded.summary import rows, summary
from videoxl_stream.evaluation.heatmap import draw, installed
from videoxl_stream.evaluation.record import Record
from videoxl_stream.whole_file import write_text

PICTURE = "images/needle.png"
_HEAD = """# The embedded model, measured

This page is written by `videoxl-stream eval embedded`, from the records of one run; change nothing here by hand.
[training.md](training.md) is written by people: how the model was trained, what did not work, and what limits the
figures that are not reached. How each measure works stands in [evaluation.md](evaluation.md), the footage in
[footage.md](footage.md); every figure, with settings, seeds, versions, hardware and times, in
[embedded.json](embedded.json).
"""
_INTERVALS = """
n counts questions; pairs of clips where events are scored; or verdicts, streams, windows. What is reached is judged by
the figure, not by its interval. The seeds were never trained on, and nothing was chosen by them; they stand in one
place, `plan.py` in `videoxl_stream/evaluation/embedded`. Intervals are Wilson's for shares, and Newcombe's for shares
of the same questions that are compared pair by pair. For other ratios, their differences and calibration errors, items
are drawn anew, which is too sure of itself where no item has a fault. VNBench counts by letters: that is the main
figure; the options' own likelihood, in which their order cannot matter, is only told beside it.
"""
_SMALL = """**A smoke run: it shows that everything works. Its sizes are not those of the rows; keep no figure of it.**
"""
_AGAIN = """## Again

```
videoxl-stream eval embedded
```

Each part is kept piece by piece in `build/embedded`: a second start goes on where the first one was stopped, and parts
that are done are not done again. `--parts needle,events` measures some, `--quick` only tries whether everything works,
`--model FOLDER` measures other weights and leaves this page alone. While the ingest part runs, nothing else should.
"""
_ELSEWHERE = """The needle parts also run on a machine with a GPU that has neither pydantic nor PyAV; put the folder
that each command writes into `build/embedded`. A record from elsewhere is taken if its weights and settings are the
same.
"""


def write_report(
    parts: Mapping[str, Part], records: Mapping[str, Record], folder: Path, *, small: bool = False
) -> Path:
    """Write ``embedded.json``, ``embedded.md`` and, where matplotlib is installed, the heatmap.

    Args:
        parts: of the run.
        records: of those that are done.
        folder: made if it is not there; other files in it stay.
        small: whether it was a smoke run.

    Returns:
        the page.
    """
    content = json.dumps(summary(parts, records), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(folder / "embedded.json", content + "\n")
    if "needle" in records and installed():
        (folder / PICTURE).parent.mkdir(exist_ok=True)
        draw(records["needle"], folder / PICTURE)
    text = page(parts, records, picture=(folder / PICTURE).exists(), small=small)
    return write_text(folder / "embedded.md", text)


def page(parts: Mapping[str, Part], records: Mapping[str, Record], *, picture: bool, small: bool = False) -> str:
    """The whole page.

    Args:
        parts: of the run.
        records: of those that are done.
        picture: whether there is a heatmap to show.
        small: whether it was a smoke run.
    """
    columns = ("what", "to reach", "found", "95 % interval", "n", "reached")
    text = [
        _HEAD,
        *([_SMALL] if small else []),
        *_made(records),
        markdown(columns, [row.cells for row in rows(records)]),
    ]
    for name, part in parts.items():
        if name in records:
            text += [f"## {part.title[0].upper()}{part.title[1:]}\n", *_settings(part, records[name])]
            text += [f"![length x depth at each ratio]({PICTURE})\n"] if name == "needle" and picture else []
            text += tables(records[name])
    return "\n".join([*text, *_again(parts, records)])


def _made(records: Mapping[str, Record]) -> Iterator[str]:
    """Of which weights, on which machines."""
    for record in list(records.values())[:1]:
        yield f"Weights of revision `{record.model['revision']}`.\n"
    machines: dict[str, list[str]] = {}
    for name, record in records.items():
        of = record.hardware
        where = f"{of.get('gpu') or of.get('processor')}, {of.get('cpus')} CPUs, PyTorch {record.versions.get('torch')}"
        machines.setdefault(where, []).append(name)
    for where, names in machines.items():
        yield f"- {where}: {', '.join(names)}"
    yield _INTERVALS


def _settings(part: Part, record: Record) -> Iterator[str]:
    """What the part was run with, in a line; rules and encodings stand in the JSON."""
    told = {
        name: value for name, value in part.settings.items() if value is not None and not isinstance(value, Mapping)
    }
    yield "; ".join(f"{name} {_short(value)}" for name, value in told.items()) + f". Written {record.written}.\n"
    if note := record.details.get("note"):
        yield f"{note}\n"


def _short(value: object) -> str:
    """A setting for people: many numbers in a row by their ends."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return str(value)
    row = len(value) > 2 and all(isinstance(each, int) for each in value)
    if row and list(value) == list(range(value[0], value[0] + len(value))):
        return f"{value[0]}-{value[-1]}"
    return ", ".join(map(str, value))


def _again(parts: Mapping[str, Part], records: Mapping[str, Record]) -> Iterator[str]:
    """How all of it is done again."""
    yield _AGAIN
    seconds = {name: record.details.get("seconds of the last start") for name, record in records.items()}
    known = {name: value for name, value in seconds.items() if value is not None}
    if known:
        each = ", ".join(f"{name} {value / 60:.1f}" for name, value in known.items())
        yield f"Minutes that the parts took at their last start, {sum(known.values()) / 60:.0f} in all: {each}.\n"
    yield _ELSEWHERE
    commands = [p.command(f"build/embedded/{name}", "MODEL") for name, p in parts.items() if isinstance(p, NeedlePart)]
    yield "\n".join(["```", *commands, "```", ""])
