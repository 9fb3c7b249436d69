"""The run: parts measured one after the other, each with a record in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

from rich.console import Console

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.embedded.page import write_report
from videoxl_stream.evaluation.embedded.part import Part, Work, differing
from videoxl_stream.evaluation.embedded.plan import full, quick
from videoxl_stream.evaluation.provenance import revision
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.subject import EMBEDDED, check_device, folder_of

OUT, DOCS = Path("build/embedded"), Path("docs")
REPORT, SMALL = "report", "quick"


class Run:
    """Parts of one model in one folder.

    Args:
        parts: by name.
        model: ``embedded`` or a folder of weights.
        out: each part has a folder of its name in it, with its record; made when the first part begins.

    Raises:
        ConfigError: there is no such model, or the folder holds records of another one or of other settings.
        CheckpointError: the folder of the model holds no weights.
    """

    def __init__(self, parts: Mapping[str, Part], model: str, out: Path) -> None:
        self.parts, self.model, self.out = parts, model, out
        self.revision = revision(folder_of(model))
        self.records = {name: record for name in parts if (record := self._record(name)) is not None}

    def path(self, name: str) -> Path:
        """Where the record of a part stands, whoever made it."""
        return self.out / name / f"{self.parts[name].measure}.json"

    def _record(self, name: str) -> Record | None:
        path = self.path(name)
        if not path.exists():
            return None
        record = Record.load(path)
        if found := differing(self.parts[name], record, self.revision):
            msg = (
                f"{path} is of another run: {'; '.join(found)}. Move that file and its folder away to measure the part "
                "anew, or give another folder with --out"
            )
            raise ConfigError(msg)
        return record

    def measure(self, names: Sequence[str], *, device: str = "cpu", jobs: int = 2) -> None:
        """Measure those parts that have no record yet.

        Args:
            names: of parts.
            device: where the needle parts put the model.
            jobs: processes.
        """
        for name in names:
            if name not in self.records:
                work = Work(self.model, self.revision, self.out / name, self.out / "clips", device, jobs)
                begun = perf_counter()
                record = self.parts[name].run(work)
                record.details["seconds of the last start"] = round(perf_counter() - begun, 1)
                record.save(self.path(name))
                self.records[name] = Record.load(self.path(name))  # rounded, as who goes on later has it

    @property
    def missing(self) -> list[str]:
        """Parts without a record."""
        return [name for name in self.parts if name not in self.records]


def names_in(text: str) -> list[str]:
    """Names of parts as people write them: with commas or spaces between."""
    return text.replace(",", " ").split()


def measure(
    model: str = EMBEDDED,
    out: Path = OUT,
    *,
    names: Sequence[str] = (),
    small: bool = False,
    device: str = "cpu",
    jobs: int = 2,
    docs: Path = DOCS,
) -> Run:
    """Measure, then write what all records say.

    The report goes into the run's folder; into ``docs`` too if it is whole, of the shipped model, and not a small one.

    Args:
        model: ``embedded`` or a folder of weights.
        out: folder of the run; a small one has a folder of its own in it.
        names: of parts; all, if empty.
        small: a smoke run.
        device: where the needle parts put the model.
        jobs: processes.
        docs: has embedded.md and embedded.json.

    Raises:
        ConfigError: see ``Run``; or a part or a device is not known.
    """
    parts = quick() if small else full()
    if unknown := [name for name in names if name not in parts]:
        msg = f"there is no part {', '.join(map(repr, unknown))}; give some of {', '.join(parts)}"
        raise ConfigError(msg)
    if jobs < 1:
        msg = f"{jobs} processes cannot work; give --jobs 1 or more"
        raise ConfigError(msg)
    check_device(device)
    out = out / SMALL if small else out
    console, run = Console(stderr=True), Run(parts, model, out)
    run.measure(names or list(parts), device=device, jobs=jobs)
    written = [write_report(run.parts, run.records, out / REPORT, small=small)]
    if run.missing:
        console.print(f"not measured yet: {', '.join(run.missing)}", style="yellow")
    elif model == EMBEDDED and not small and docs.is_dir():
        written.append(write_report(run.parts, run.records, docs))
    for path in written:
        console.print(str(path), style="dim", markup=False, highlight=False, soft_wrap=True)
    return run
