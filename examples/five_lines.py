"""Watch a video in five lines.

    python examples/five_lines.py demo/site-38.mp4 fire fall "Is the camera covered?"

``make demo`` leaves demo/site-38.mp4. Rules are names or questions; events are kept in events.db.
"""

from __future__ import annotations

import sys

from videoxl_stream import watch


def main() -> None:
    """Read the command line and print each event as it opens and as it closes."""
    video, *rules = sys.argv[1:]
    for event in watch(video, rules):
        print(event)


if __name__ == "__main__":
    main()
