"""Every row that is promised of the embedded model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product

from videoxl_stream.evaluation.embedded.calibration_part import ALL, error_of
from videoxl_stream.evaluation.embedded.figure import Figure, Unit
from videoxl_stream.evaluation.embedded.leakage_part import LATER
from videoxl_stream.evaluation.embedded.target import Bound, Find, Target
from videoxl_stream.evaluation.intervals import Item
from videoxl_stream.evaluation.record import Record
from videoxl_stream.training.footage.vocabulary import KINDS

_RATIOS = (8, 16)
_FLOORS = {"retrieval": 0.9, "ordering": 0.8, "counting": 0.7}
_WITHIN = Bound("least", -0.1)  # points by which unseen looks may lie below the seen ones
_EVENTS = {"anomalies": "anomaly events", "ad": "ad events", "abandoned": "long memory (`abandoned`)"}
ONE = "a single needle among 21 answers, ratio {}, 512 frames"
_GB = 1e9


def _least(value: float) -> Bound:
    return Bound("least", value)


def _most(value: float) -> Bound:
    return Bound("most", value)


def _score(name: str) -> Find:
    return lambda record: Figure.of(record, name)


def _value(name: str) -> Find:
    return lambda record: Figure.of_value(record, name)


def _change(name: str) -> Find:
    """From seen looks to unseen ones."""
    return lambda seen, unseen: Figure.change(_items(seen, name), _items(unseen, name))


def _items(record: Record, score: str) -> Mapping[str, Item]:
    return record.of(score) if score in record.scores else {}


# ---- needles


def longest(record: Record, what: str, ratio: int) -> str:
    """Name of the figure of a needle record's longest haystacks."""
    return f"{what}, ratio {ratio}, {max(record.settings['lengths'])} frames"


def _longest(what: str, ratio: int) -> Find:
    return lambda record: Figure.of(record, longest(record, what, ratio))


def _longest_change(ratio: int) -> Find:
    return lambda seen, unseen: _change(longest(unseen, "needle", ratio))(seen, unseen)


def loss(record: Record, ratio: int, against: int = 1) -> Figure:
    """Points that a ratio loses against another, by all questions of the same haystacks: needles and none."""
    return Figure.change(_questions(record, ratio), _questions(record, against))


def _questions(record: Record, ratio: int) -> dict[str, Item]:
    """Items of a ratio, named without it."""
    found: dict[str, Item] = {}
    for what in ("needle", "none shown"):
        for name, item in _items(record, f"{what}, ratio {ratio}").items():
            kind, _, rest = name.split("/", 2)
            found[f"{kind}/{rest}"] = item
    return found


def _needles() -> list[Target]:
    rows = [
        Target(f"needle, ratio {r}, 2,048 frames", ["needle"], _longest("needle", r), bound=_least(0.95))
        for r in _RATIOS
    ]
    for part, what in (("needle-long", "needle, ratio {}, 4,096 frames"), ("needle-single", ONE)):
        rows += [Target(what.format(r), [part], _longest("needle", r)) for r in _RATIOS]
    inside, before = "streamed under a budget, inside the span", "before it: “no longer in memory”"
    for r in _RATIOS:
        held, gone = f"needle, ratio {r}", f"gone and said so, ratio {r}"
        rows.append(Target(f"{inside}, ratio {r}", ["needle-streamed"], _score(held), bound=_least(0.9)))
        rows.append(Target(f"{before}, ratio {r}", ["needle-streamed"], _score(gone), bound=_least(1.0)))
    return rows


# ---- events and questions


def _events() -> list[Target]:
    def row(group: str, figure: str, unit: Unit, bound: Bound) -> Target:
        return Target(f"{_EVENTS[group]}: {figure}", ["events"], _score(f"{group}: {figure}"), unit, bound)

    return [
        row("anomalies", "F1", "score", _least(0.9)),
        row("anomalies", "false alarms per hour", "per hour", _most(0.5)),
        row("anomalies", "delay (s)", "s", _most(15)),
        row("ad", "F1", "score", _least(0.92)),
        row("ad", "span IoU", "score", _least(0.8)),
        row("ad", "brand named right", "share", _least(0.9)),
        row("abandoned", "F1", "score", _least(0.8)),
    ]


def _choices() -> list[Target]:
    by_letters = [
        Target(f"{group}, by letters", ["vnbench"], _score(group), bound=_least(floor))
        for group, floor in _FLOORS.items()
    ]
    return by_letters + [
        Target(f"{group}, by the options' likelihood", ["vnbench-options"], _score(group)) for group in _FLOORS
    ]


def _unseen() -> list[Target]:
    def row(what: str, part: str, find: Find) -> Target:
        return Target(f"unseen looks less seen ones: {what}", [part, f"{part}-unseen"], find, "points", _WITHIN)

    rows = [row(f"needle, ratio {r}, 2,048 frames", "needle", _longest_change(r)) for r in _RATIOS]
    rows += [row(f"{name}, F1", "events", _change(f"{group}: F1")) for group, name in _EVENTS.items()]
    return rows + [row(f"{group}, by letters", "vnbench", _change(group)) for group in _FLOORS]


# ---- the rest


def _losses() -> list[Target]:
    bounds = {2: None, 4: None, 8: _most(0.03), 16: _most(0.06)}
    rows = [
        Target(f"lost by ratio {r} against none, needles", ["compression"], partial(loss, ratio=r), "points", bound)
        for r, bound in bounds.items()
    ]
    for ratio, part in ((8, "vnbench"), (16, "vnbench-16")):
        what = f"lost by ratio {ratio} against none, four options"
        rows.append(Target(what, [part, "vnbench-none"], _change("all"), "points", bounds[ratio]))
    return rows


def worst_kind(record: Record) -> Figure:
    """The largest calibration error of any one rule."""
    found = [Figure.of_value(record, error_of(kind)) for kind in KINDS]
    return max((figure for figure in found if figure.known), key=lambda figure: figure.value, default=found[0])


def _verdicts() -> list[Target]:
    part, at_most = ["calibration"], _most(0.05)
    rows = [
        Target("calibration error of verdicts, all kinds", part, _value(error_of(ALL)), "score", at_most),
        Target("the same, of the worst kind", part, worst_kind, "score", at_most),
    ]
    for view, figure in product((LATER[0], LATER[-1]), ("change", "turned to yes")):
        unit: Unit = "score" if figure == "change" else "share"
        name = "mean change of a probability" if figure == "change" else figure
        rows.append(Target(f"leakage, {view}: {name}", ["leakage"], _score(f"{view}: {figure}"), unit))
    return rows


def _peak(record: Record) -> Figure:
    found = [value for name, (value, _) in record.values.items() if name.startswith("peak bytes")]
    return Figure(max(found) / _GB, len(found))


def _rate(place: int) -> Find:
    return lambda record: Figure.of_value(record, f"frames/s, {record.settings['slots'][place]} slots")


def _speed() -> list[Target]:
    return [
        Target("ingest on 2 cores, 1,000 slots", ["ingest"], _rate(0), "frames/s", _least(100)),
        Target("ingest on 2 cores, 4,000 slots", ["ingest"], _rate(1), "frames/s", _least(60)),
        Target("memory of that process at most", ["ingest"], _peak, "GB", _most(1.5)),
    ]


TARGETS = (*_needles(), *_events(), *_choices(), *_unseen(), *_losses(), *_verdicts(), *_speed())
