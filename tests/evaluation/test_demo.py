"""The demo: its footage, its folder, and that the embedded model sees what it reports."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.blinded import BlindedVideoXL
from videoxl_stream.evaluation.calibration import verdict_pairs
from videoxl_stream.evaluation.clip_pair import START, ClipPair
from videoxl_stream.evaluation.comparison import Comparison
from videoxl_stream.evaluation.demo import FILES, SEEDS, clear, is_telling
from videoxl_stream.evaluation.matching import Counts
from videoxl_stream.evaluation.reliability import auc
from videoxl_stream.evaluation.seeds import each_seed, seed_range
from videoxl_stream.evaluation.sightings import Seen, Watched, watch_sightings
from videoxl_stream.evaluation.stills import stills
from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.pipelines.embedded_rules import AD_CONTENT, embedded_rules
from videoxl_stream.queries import Span
from videoxl_stream.store import EventStore
from videoxl_stream.training.footage.clips import ClipFormat, Truth
from videoxl_stream.training.footage.phrases import QUESTIONS
from videoxl_stream.training.footage.scenes import Occurrence
from videoxl_stream.training.footage.vocabulary import KINDS
from videoxl_stream.training.recipe import Recipe

# The first seed whose first minute shows four kinds; footage at the rate at which the model looks at it.
SHORT = ClipPair(10, 60.0, ClipFormat(fps=2))
SEEN = ("intrusion", "crowd", "breakdown", "ad")
Watches = Mapping[str, Mapping[str, list[Seen]]]


def separations(watches: Watches, pair: ClipPair) -> dict[str, float]:
    """The AUC of each kind on the clip where it can happen, with the truth of a pair."""
    found = {}
    for rule in embedded_rules(SEEN):
        style = "channel" if rule.name == "ad" else "site"
        occurrences = pair.scenarios[f"{style}-{pair.seed}"].occurrences
        truth = Truth("clip.mp4", pair.seed, style, pair.duration_s, occurrences)
        pairs = verdict_pairs([Watched(truth, watches[f"{style}-{SHORT.seed}"])], rule)
        found[rule.name] = auc([(happened, round(probability, 3)) for happened, probability in pairs])
    return found


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    SHORT.render(folder)
    return folder


def test_the_model_sees_and_without_its_memory_or_its_footage_it_does_not(clips: Path) -> None:
    rules = embedded_rules(SEEN)
    assert {o.kind for scenario in SHORT.scenarios.values() for o in scenario.occurrences} == set(SEEN)
    watches: list[Watches] = [
        {source.stream_id: watch_sightings(model, source, rules) for source in SHORT.sources(clips)}
        for model in (VideoXL.from_pretrained(), BlindedVideoXL.from_pretrained())
    ]
    seeing, zeroed = watches
    assert np.mean(list(separations(seeing, SHORT).values())) > 0.9
    assert np.mean(list(separations(zeroed, SHORT).values())) < 0.7
    # Above a half even by chance: in other footage, too, things happen in the middle rather than at the edges.
    others = [separations(seeing, ClipPair(seed, 60.0)) for seed in range(100, 140)]
    assert np.nanmean([value for other in others for value in other.values()]) < 0.75


def test_blinded_it_names_no_brand_of_its_own_seeing(clips: Path) -> None:
    source = SHORT.sources(clips)[1]
    (first, *_) = SHORT.scenarios[source.stream_id].occurrences
    said = []
    for model in (VideoXL.from_pretrained(), BlindedVideoXL.from_pretrained()):
        with EventStore("sqlite:///:memory:") as store:
            pipeline = Pipeline(sources=[source], model=model, rules=embedded_rules(["fire"]), store=store)
            pipeline.run()
        said.append(pipeline.answer(source.stream_id, AD_CONTENT, span=Span(first.start_s, first.end_s)))
    assert first.attributes["brand"] in said[0]
    assert said[1] != said[0]


def test_the_seeds_are_the_first_that_tell_enough_and_were_never_trained_on() -> None:
    counted = [
        {name: scenario for name, scenario in ClipPair(seed).scenarios.items()} for seed in range(1, SEEDS[-1] + 1)
    ]
    telling = [
        first
        for first in range(1, SEEDS[0] + 1)
        if is_telling({name: one for both in counted[first - 1 : first - 1 + len(SEEDS)] for name, one in both.items()})
    ]
    assert telling == [SEEDS[0]]
    assert tuple(range(SEEDS[0], SEEDS[0] + len(SEEDS))) == SEEDS
    assert SEEDS[-1] < Recipe().first_stream_seed


def test_a_short_clip_tells_too_little() -> None:
    short = {name: one for seed in SEEDS for name, one in ClipPair(seed, 30.0).scenarios.items()}
    assert not is_telling(short)


def test_rules_ask_what_the_model_was_taught() -> None:
    rules = embedded_rules()
    assert [rule.name for rule in rules] == list(KINDS)
    assert all(rule.question in QUESTIONS[rule.name] for rule in rules)


def test_seeds_are_read_as_people_write_them() -> None:
    assert (seed_range("7"), seed_range("1000-1002")) == ([7], [1000, 1001, 1002])


@pytest.mark.parametrize("jobs", [1, 2])
def test_work_on_seeds_gives_all_results(jobs: int) -> None:
    assert dict(each_seed(abs, [-3, 5, -8], jobs)) == {-3: 3, 5: 5, -8: 8}


def test_only_what_a_demo_left_is_taken_away(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "demo"
    clear(out)
    for name in (*FILES, "site-7.mp4", "site-7.truth.json", "channel-12.mp4", "notes.txt", "other-7.mp4"):
        (out / name).write_text("")
    clear(out)
    assert {path.name for path in out.iterdir()} == {"notes.txt", "other-7.mp4"}
    with pytest.raises(ConfigError, match="a file; give the demo a folder"):
        clear(out / "notes.txt")


def test_the_comparison_pairs_misses_and_alarms_in_order() -> None:
    def event(rule: str, start_s: float, end_s: float) -> Event:
        return Event(
            id=event_id("demo", "site", rule, int(start_s)),
            status=Status.CLOSED,
            pipeline="demo",
            stream_id="site",
            rule=rule,
            severity=Severity.INFO,
            window=int(start_s),
            start=START + timedelta(seconds=start_s),
            end=START + timedelta(seconds=end_s),
            start_s=start_s,
            end_s=end_s,
            question="?",
            answer="yes",
            probability=1.0,
        )

    fire, fall = Occurrence("fire", 12.0, 30.0, {}), Occurrence("fall", 41.0, 50.0, {})
    seen, alarm = event("fire", 10.0, 30.0), event("fall", 20.0, 25.0)
    compared = Comparison({"site": Truth("site.mp4", 1, "site", 60.0, (fire, fall))}, [alarm, seen])
    rows = compared.rows()
    assert [(row.kind, row.true, row.event) for row in rows] == [
        ("fire", fire, seen),
        ("fall", None, alarm),
        ("fall", fall, None),
    ]
    assert [row.iou for row in rows] == [0.9, None, None]
    assert compared.score.kinds == {"fall": Counts(1, 1, 0), "fire": Counts(1, 1, 1)}


def test_stills_show_the_picture_of_their_time(tmp_path: Path) -> None:
    path = tmp_path / "grey.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=2)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((32, 64, 3), 20 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 2)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    times = [3.2, 0.0, 4.5, 1.9]
    pictures = [Image.open(io.BytesIO(jpeg)) for jpeg in stills(path, times, width=32)]
    assert {picture.size for picture in pictures} == {(32, 16)}
    greys = [float(np.asarray(picture).mean()) for picture in pictures]
    assert greys == pytest.approx([20 * int(2 * time_s) for time_s in times], abs=6)
