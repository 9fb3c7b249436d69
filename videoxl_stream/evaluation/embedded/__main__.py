"""Measure everything that is promised of the embedded model.

    python -m videoxl_stream.evaluation.embedded [--parts needle,events] [--quick] [--model FOLDER]

Takes about 90 minutes on two cores; a run that was stopped goes on where it was. What is known so far is written into
the folder of the run; once every part of the shipped model is measured, into docs/embedded.md and docs/embedded.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from videoxl_stream.evaluation.embedded.plan import full
from videoxl_stream.evaluation.embedded.run import DOCS, OUT, measure, names_in
from videoxl_stream.evaluation.subject import EMBEDDED


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.embedded",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--parts", default="", help=f"only these: some of {','.join(full())}")
    parser.add_argument("--quick", action="store_true", help="as small as it gets: only whether everything works")
    parser.add_argument("--model", default=EMBEDDED, help="'embedded', or a folder of weights")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the run")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of embedded.md and embedded.json")
    parser.add_argument("--device", default="cpu", help="where the needle parts put the model: cpu, cuda")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    given = parser.parse_args(arguments)
    ways = {"device": given.device, "jobs": given.jobs, "docs": given.docs}
    measure(given.model, given.out, names=names_in(given.parts), small=given.quick, **ways)


if __name__ == "__main__":
    main()
