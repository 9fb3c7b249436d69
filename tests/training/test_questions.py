"""Questions: true by the stated rule, balanced, and all in the catalogue."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videoxl_stream.training.footage.phrases import LISTED, MOST_PEOPLE, QUESTIONS, TOPICS, Catalogue
from videoxl_stream.training.footage.questions import UNCLEAR, Asker, Questions, Stretches, last_brands, lasting, states
from videoxl_stream.training.footage.scenes import Rates, SceneBatch, sample_batch
from videoxl_stream.training.footage.vocabulary import BRANDS, KINDS, brand_name

CATALOGUE = Catalogue.build()


def _runs(values: list[int]) -> list[tuple[int, int, int]]:
    """List the runs of equal values: value, first frame, end."""
    runs: list[tuple[int, int, int]] = []
    for place, value in enumerate(values):
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1], place + 1)
        else:
            runs.append((value, place, place + 1))
    return runs


def _state(values: list[bool], first: int, last: int) -> int:
    """The rule in plain Python."""
    inside = [max(0, min(end, last) - max(begin, first)) for on, begin, end in _runs(list(values)) if on]
    lengths = [end - begin for on, begin, end in _runs(list(values)) if on]
    if sum(inside) >= 2 or any(n and 2 * n >= length for n, length in zip(inside, lengths, strict=True)):
        return 1
    return 0 if sum(inside) == 0 else UNCLEAR


def _lasting(values: list[bool], first: int, last: int) -> int:
    """The rule for objects in plain Python: two frames late is in time, half of it or 8 frames missing is no."""
    late = 2 if last - first > 4 else 0
    missing = values[first:last].count(False)
    if all(values[first + late : last]):
        return 1
    return 0 if missing >= 8 or 2 * missing >= last - first else UNCLEAR


def _stretch(first: int, last: int) -> Stretches:
    return Stretches(torch.tensor([[[first]]]), torch.tensor([[[last]]]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=30), st.data())
def test_states_follow_the_rule(values: list[bool], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(values) - 1))
    last = data.draw(st.integers(first + 1, len(values)))
    found = states(torch.tensor(values).view(1, -1, 1), _stretch(first, last)).item()
    assert found == _state(values, first, last)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 12)), min_size=1, max_size=5), st.data())
def test_an_object_lay_there_throughout_follows_the_rule(runs: list[tuple[bool, int]], data: st.DataObject) -> None:
    values = [on for on, length in runs for _ in range(length)]
    first = data.draw(st.integers(0, len(values) - 1))
    last = data.draw(st.integers(first + 1, len(values)))
    assert lasting(torch.tensor([values]), _stretch(first, last)).item() == _lasting(values, first, last)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0, 0, 3, 20]), min_size=2, max_size=30), st.data())
def test_the_last_brand_is_the_last_one_seen_for_long_enough(values: list[int], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(values) - 1))
    last = data.draw(st.integers(first + 1, len(values)))
    shown = [(v, b, e) for v, b, e in _runs(values) if v and b < last and e > first]
    expected = 0
    if shown:
        brand, begin, end = shown[-1]
        inside = min(end, last) - max(begin, first)
        expected = brand if inside >= 2 or end - begin <= 2 else UNCLEAR
    assert last_brands(torch.tensor([values]), _stretch(first, last)).item() == expected


def test_stretches_are_of_three_sorts() -> None:
    frames, window = 320, 10
    drawn = Stretches.draw((32, 16, 8), frames, window, 0.5, torch.Generator().manual_seed(0))
    first, last = drawn.first.flatten(), drawn.last.flatten()
    assert ((first >= 0) & (first < last) & (last <= frames)).all()
    length = last - first
    whole_windows = (first % window == 0) & (last % window == 0)
    few, back = (length <= 6) & (first % 2 == 0), whole_windows & (length == 120)
    assert (few | whole_windows).all()
    assert few.float().mean() == pytest.approx(0.3, abs=0.03)
    assert 0.2 < back.float().mean() < 0.4
    rest = whole_windows & ~back
    assert (last[rest] == frames).float().mean() > 0.2
    assert (first[rest] == 0).float().mean() > 0.4


def test_streams_shorter_than_a_look_back_have_stretches_too() -> None:
    drawn = Stretches.draw((8, 8, 8), 25, 10, 0.5, torch.Generator().manual_seed(0))
    assert ((drawn.first >= 0) & (drawn.first < drawn.last) & (drawn.last <= 25)).all()


def _ask(batch: SceneBatch, frames: int, asker: Asker, per_stream: int, generator: torch.Generator) -> Questions:
    times = (torch.arange(frames) / 2).expand(len(batch.channel), -1)
    seen = batch.labels(times), batch.brands(times), batch.people(times)
    return asker.ask(*seen, batch.channel, per_stream, generator)


DENSE = Rates(dict.fromkeys(KINDS, 1.5), quiet=0.1, channel=0.3, spread=(0.0, 0.0, 1.0, 2.0))
MIXED = Rates(dict.fromkeys(KINDS, 0.8), quiet=0.25, channel=0.3, spread=(0.0, 0.3, 1.0))


@pytest.mark.parametrize(("streams", "frames", "per_stream", "rates"), [(128, 40, 16, DENSE), (16, 320, 64, MIXED)])
def test_kinds_are_balanced_and_answers_true(streams: int, frames: int, per_stream: int, rates: Rates) -> None:
    generator = torch.Generator().manual_seed(0)
    tally: Counter[tuple[int, int]] = Counter()
    for seed in range(10):
        batch = sample_batch(seed, streams, frames / 2, rates)
        asked = _ask(batch, frames, Asker(CATALOGUE), per_stream, generator)
        assert len(asked.stream) > 0.4 * streams * per_stream
        tally.update(zip(asked.topic.tolist(), asked.answer.tolist(), strict=True))
        if seed == 0:
            _check_truth(asked, batch, frames)
    for topic in (*range(len(KINDS)), _TOPIC["check"]):
        yes, no = tally[topic, 1], tally[topic, 0]
        assert yes + no > 100, TOPICS[topic]
        assert 0.4 < yes / (yes + no) < 0.7, TOPICS[topic]
    brand_answers = Counter(answer for topic, answer in tally.elements() if topic == _TOPIC["brand"])
    assert len(brand_answers) > 15
    assert brand_answers[CATALOGUE.first_brand] < 0.6 * sum(brand_answers.values())
    numbers = {CATALOGUE.answers[answer] for topic, answer in tally if topic == _TOPIC["people"]}
    assert {"0", "1", "2", "3", "5", "6"} <= numbers


_TOPIC = {name: number for number, name in enumerate(TOPICS)}


def _check_truth(asked: Questions, batch: SceneBatch, frames: int) -> None:
    """Compare every drawn answer with the rule in plain Python."""
    times = (torch.arange(frames) / 2).expand(len(batch.channel), -1)
    labels, brands, people = batch.labels(times), batch.brands(times), batch.people(times)
    rows = zip(
        *(getattr(asked, n).tolist() for n in ("stream", "first", "last", "topic", "question", "answer")), strict=True
    )
    for stream, first, last, topic, question, answer in rows:
        text, said, name = CATALOGUE.questions[question], CATALOGUE.answers[answer], TOPICS[topic]
        assert said in CATALOGUE.options(question, answer)
        if name in KINDS:
            assert text in QUESTIONS[name]
            rule = _lasting if name == "abandoned" else _state
            assert said == ("no", "yes")[rule(labels[name][stream].tolist(), first, last)]
        elif name == "brand":
            assert said == brand_name(int(last_brands(brands[stream : stream + 1], _stretch(first, last)).item()))
        elif name == "happened":
            kinds = [kind for kind in LISTED if _state(labels[kind][stream].tolist(), first, last) == 1]
            assert said == (", ".join(kinds) or "nothing")
        elif name == "people":
            assert not batch.channel[stream]
            assert {int(said)} == set(people[stream, max(last - 2, 0) : last].tolist())
            assert int(said) <= MOST_PEOPLE
        else:
            (brand,) = [b for b in range(1, len(BRANDS) + 1) if brand_name(b) in text]
            shown = (brands[stream] == brand).tolist()
            assert said == ("no", "yes")[_state(shown, first, last)]


def test_half_of_the_questions_for_objects_look_back_a_minute() -> None:
    asked = _ask(sample_batch(1, 64, 160.0, MIXED), 320, Asker(CATALOGUE), 64, torch.Generator().manual_seed(0))
    length = (asked.last - asked.first)[asked.topic == _TOPIC["abandoned"]]
    assert len(length) > 50
    assert (length >= 120).float().mean() > 0.35


def test_the_catalogue_has_each_text_once_and_four_phrasings_of_each_kind() -> None:
    assert len(set(CATALOGUE.questions)) == len(CATALOGUE.questions)
    assert len(set(CATALOGUE.answers)) == len(CATALOGUE.answers)
    assert all(len(texts) >= 4 for texts in QUESTIONS.values())
    assert CATALOGUE.answers[CATALOGUE.first_list] == "nothing"
    assert CATALOGUE.answers[CATALOGUE.first_brand] == "none"
    assert CATALOGUE.options(CATALOGUE.begins[len(KINDS)], CATALOGUE.first_brand + 1)
