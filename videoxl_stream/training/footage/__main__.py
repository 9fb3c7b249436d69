"""Show the footage: ``python -m videoxl_stream.training.footage SHEET.png`` or ``... FOLDER --width 224``."""

from __future__ import annotations

import argparse
from pathlib import Path

from videoxl_stream.training.footage.sheet import contact_sheet, rows, save_strips


def main() -> None:
    """Read the command line and write one sheet as the model sees it, or strips of 16:9 into a folder."""
    parser = argparse.ArgumentParser(prog="python -m videoxl_stream.training.footage", description=__doc__)
    parser.add_argument("out", type=Path, help="a PNG to write, or a folder for one JPEG a strip")
    parser.add_argument("--seed", type=int, default=0, help="which footage to show")
    parser.add_argument("--count", type=int, default=4, help="pictures of a strip")
    parser.add_argument("--width", type=int, default=224, help="pixels of a picture in a folder's strips")
    arguments = parser.parse_args()
    if arguments.out.suffix:
        contact_sheet(rows(arguments.seed, arguments.count)).save(arguments.out)
        return
    size = (arguments.width * 9 // 16, arguments.width)
    for path in save_strips(rows(arguments.seed, arguments.count, size), arguments.out):
        print(path)


if __name__ == "__main__":
    main()
