"""Define a site in Python: the whole of what a pipeline can be told.

    videoxl-stream run examples/site.py:pipeline

Watches demo/site-38.mp4, which ``make demo`` leaves, and keeps events and their proof in the folder it is run in. The
same in YAML is site.yaml; run it again with --resume, and it goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

from videoxl_stream import EventStore, Evidence, FileSource, Pipeline, Severity, VideoXL
from videoxl_stream.pipelines.embedded_rules import embedded_rules
from videoxl_stream.pipelines.standard_rules import count


def pipeline() -> Pipeline:
    """Watch the gate: fire at any time, intruders at night, and how many people there are."""
    fire, intrusion = embedded_rules(["fire", "intrusion"])
    return Pipeline(
        name="site",
        sources=[FileSource("demo/site-38.mp4", sample_fps=2.0, stream_id="gate")],
        model=VideoXL.from_pretrained("embedded"),
        rules=[
            fire,
            replace(
                intrusion,
                severity=Severity.CRITICAL,
                quiet=((time(7), time(19)),),  # by day people may be there
                timezone="Europe/Paris",
                cooldown_s=60.0,
            ),
            count("count", "How many people are there?", every=timedelta(seconds=20)),
        ],
        store=EventStore("sqlite:///events.db"),
        budget=4096,  # slots: about a quarter of an hour, however long the stream
        evidence=Evidence("evidence", pre_roll_s=3.0, post_roll_s=3.0),
    )
