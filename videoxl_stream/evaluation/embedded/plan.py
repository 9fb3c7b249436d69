"""The plan: every part with its sizes and its seeds, in one place.

The seeds below belong to this measure alone. Nothing is trained on them: training draws from 10,000,000 up, the
measures printed during training from 5,000,000 to 5,000,999. Nothing is chosen by them: rules are fitted on 2000-2039
and 3000-3039, development is on 4000-4399. Whoever tunes anything on them has spent them: take others then, as was done
with 6000-6299, 60,000-60,199, 960,000 and 970,000 when the failures of version 3 were looked at, and with 7000-7299,
70,000-70,199, 980,000 and 990,000, whose figures of version 5 decided what run 11 trains on, and with 8000-8059, whose
figures led to a finer grid for the limits of ``abandoned``.
"""

from __future__ import annotations

from collections.abc import Mapping

from videoxl_stream.evaluation.embedded.calibration_part import CalibrationPart
from videoxl_stream.evaluation.embedded.choice_part import ChoicePart
from videoxl_stream.evaluation.embedded.event_part import EventPart
from videoxl_stream.evaluation.embedded.ingest_part import IngestPart
from videoxl_stream.evaluation.embedded.leakage_part import LeakagePart
from videoxl_stream.evaluation.embedded.needle_part import NeedlePart
from videoxl_stream.evaluation.embedded.part import Part
from videoxl_stream.evaluation.needle_grid import Grid

EVENT_SEEDS = tuple(range(8300, 8360))
CALIBRATION_SEEDS = tuple(range(8100, 8116))
CHOICE_SEEDS = tuple(range(8200, 8260))
NEEDLE_SEEDS = tuple(range(80_000, 80_016))
LOSS_SEEDS = tuple(range(80_100, 80_124))
LEAKAGE_SEED, INGEST_SEED = 981_000, 991_000
"""The first of as many as are needed."""
LEAST_TRAINED_ON = 5_000_000
CHOSEN_BY = tuple(range(2000, 4400))

RATIOS, UNCOMPRESSED = (8, 16), 1
UNCOMPRESSED_FRAMES = 320  # the longest streams on which training draws ratio 1


def full() -> Mapping[str, Part]:
    """What the figures in docs/embedded.md are of.

    Some 85 minutes on two cores, by the processor time of one seed each. In core-minutes: needles 21, long ones 10,
    single ones 3, streamed ones 10, unseen ones 7; events 28, unseen ones 14; four options 38; calibration 11;
    compression loss 10; leakage 4.
    """
    half, few = NEEDLE_SEEDS[:8], NEEDLE_SEEDS[:6]
    ratios = (UNCOMPRESSED, 2, 4, *RATIOS)
    return {
        "needle": NeedlePart("needles", Grid((64, 256, 512, 1024, 2048), RATIOS, seeds=NEEDLE_SEEDS)),
        "needle-long": NeedlePart("needles in 4,096 frames", Grid((4096,), RATIOS, seeds=few)),
        "needle-single": NeedlePart("single needles", Grid((512,), RATIOS, seeds=half, mode="single")),
        "needle-streamed": NeedlePart(
            "needles, streamed", Grid((2048,), RATIOS, seeds=NEEDLE_SEEDS, mode="streamed", budget_frames=1000)
        ),
        "needle-unseen": NeedlePart("needles in unseen looks", Grid((512, 2048), RATIOS, seeds=half, looks="unseen")),
        "events": EventPart("events", EVENT_SEEDS),
        "events-unseen": EventPart("events in unseen looks", EVENT_SEEDS[:30], "unseen"),
        "vnbench": ChoicePart("four options, by letters", CHOICE_SEEDS),
        "vnbench-options": ChoicePart("four options, by likelihood", CHOICE_SEEDS, score="options"),
        "vnbench-unseen": ChoicePart("four options in unseen looks", CHOICE_SEEDS[:40], "unseen"),
        "vnbench-none": ChoicePart("four options, without compression", CHOICE_SEEDS, ratio=UNCOMPRESSED),
        "vnbench-16": ChoicePart("four options at ratio 16", CHOICE_SEEDS, ratio=16),
        "compression": NeedlePart("compression loss", Grid((80, 160, UNCOMPRESSED_FRAMES), ratios, seeds=LOSS_SEEDS)),
        "leakage": LeakagePart("leakage", LEAKAGE_SEED, 12),
        "calibration": CalibrationPart("calibration", CALIBRATION_SEEDS),
        "ingest": IngestPart("ingest", (1000, 4000), 60, INGEST_SEED),
    }


def quick() -> Mapping[str, Part]:
    """The same parts, as small as they get: whether everything works, no figures to keep."""
    seeds, two = NEEDLE_SEEDS[:1], NEEDLE_SEEDS[:2]
    ratios = (UNCOMPRESSED, 2, 4, *RATIOS)
    return {
        "needle": NeedlePart("needles", Grid((20, 40), RATIOS, seeds=two)),
        "needle-long": NeedlePart("needles in more frames", Grid((60,), RATIOS, seeds=seeds)),
        "needle-single": NeedlePart("single needles", Grid((20,), RATIOS, seeds=seeds, mode="single")),
        "needle-streamed": NeedlePart(
            "needles, streamed", Grid((40,), RATIOS, seeds=seeds, mode="streamed", budget_frames=20)
        ),
        "needle-unseen": NeedlePart("needles in unseen looks", Grid((20, 40), RATIOS, seeds=seeds, looks="unseen")),
        "events": EventPart("events", EVENT_SEEDS[:1], duration_s=10.0),
        "events-unseen": EventPart("events in unseen looks", EVENT_SEEDS[:1], "unseen", 10.0),
        "vnbench": ChoicePart("four options, by letters", CHOICE_SEEDS[:1], duration_s=30.0),
        "vnbench-options": ChoicePart("four options, by likelihood", CHOICE_SEEDS[:1], "seen", "options", 30.0),
        "vnbench-unseen": ChoicePart("four options in unseen looks", CHOICE_SEEDS[:1], "unseen", duration_s=30.0),
        "vnbench-none": ChoicePart("without compression", CHOICE_SEEDS[:1], duration_s=30.0, ratio=UNCOMPRESSED),
        "vnbench-16": ChoicePart("four options at ratio 16", CHOICE_SEEDS[:1], duration_s=30.0, ratio=16),
        "compression": NeedlePart("compression loss", Grid((20,), ratios, seeds=seeds)),
        "leakage": LeakagePart("leakage", LEAKAGE_SEED, 1, ("fire",)),
        "calibration": CalibrationPart("calibration", CALIBRATION_SEEDS[:1], 10.0),
        "ingest": IngestPart("ingest", (100, 200), 3, INGEST_SEED),
    }
