"""Write a contact sheet: ``python -m videoxl_stream.training.footage SHEET.png --seed N``."""

from __future__ import annotations

import argparse
from pathlib import Path

from videoxl_stream.training.footage.sheet import contact_sheet


def main() -> None:
    """Read the command line and write the sheet."""
    parser = argparse.ArgumentParser(prog="python -m videoxl_stream.training.footage", description=__doc__)
    parser.add_argument("sheet", type=Path, help="the PNG to write")
    parser.add_argument("--seed", type=int, default=0, help="which footage to show")
    arguments = parser.parse_args()
    contact_sheet(arguments.seed).save(arguments.sheet)


if __name__ == "__main__":
    main()
