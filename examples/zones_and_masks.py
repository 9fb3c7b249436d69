"""Say where intruders are not wanted, and what nobody may see.

    python examples/zones_and_masks.py demo/site-38.mp4

The zone is drawn into what the model sees, and into the pictures of events; what is under the mask is grey to the model
and in every clip and picture that is kept in the folder evidence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from videoxl_stream import Event, EventStore, Evidence, Regions, Zone
from videoxl_stream.names import EMBEDDED, Model
from videoxl_stream.pipelines.surveillance import surveillance

# Corners are shares of the picture: x from the left, y from the top.
COURT = Zone("court", [(0.55, 0.6), (0.95, 0.6), (1.0, 1.0), (0.5, 1.0)])
NEIGHBOUR = [(0.0, 0.0), (0.3, 0.0), (0.3, 0.3), (0.0, 0.3)]


def guard(video: str, out: Path, model: Model = EMBEDDED) -> list[Event]:
    """Watch for intruders in the court; nothing is kept of the neighbour's window."""
    with EventStore(f"sqlite:///{out / 'events.db'}") as store:
        pipeline = surveillance(
            {"gate": video},
            store,
            model=model,
            rules="intrusion",
            regions={"gate": Regions([COURT], [NEIGHBOUR])},
            evidence=Evidence(out / "evidence", pre_roll_s=2.0, post_roll_s=2.0),
        )
        return pipeline.run()


def main() -> None:
    """Read the command line and print the events."""
    parser = argparse.ArgumentParser(description="Watch for intruders in a zone, with a privacy mask.")
    parser.add_argument("video")
    parser.add_argument("--out", type=Path, default=Path())
    given = parser.parse_args()
    for event in guard(given.video, given.out):
        print(event)


if __name__ == "__main__":
    main()
