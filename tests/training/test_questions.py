"""Questions: true by the stated rule, balanced, and all in the catalogue."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videoxl_stream.training.footage.phrases import QUESTIONS, Catalogue
from videoxl_stream.training.footage.questions import UNCLEAR, Asker, Stretches, last_brands, states
from videoxl_stream.training.footage.scenes import sample_batch
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


def _stretch(first: int, last: int) -> Stretches:
    return Stretches(torch.tensor([[[first]]]), torch.tensor([[[last]]]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=30), st.data())
def test_states_follow_the_rule(values: list[bool], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(values) - 1))
    last = data.draw(st.integers(first + 1, len(values)))
    found = states(torch.tensor(values).view(1, -1, 1), _stretch(first, last)).item()
    assert found == _state(values, first, last)


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


@pytest.mark.parametrize(("streams", "frames", "per_stream"), [(128, 40, 16), (16, 320, 64)])
def test_kinds_are_balanced_and_answers_true(streams: int, frames: int, per_stream: int) -> None:
    generator = torch.Generator().manual_seed(0)
    tally: Counter[tuple[int, int]] = Counter()
    for seed in range(8):
        batch = sample_batch(seed, streams, frames / 2)
        times = (torch.arange(frames) / 2).expand(streams, -1)
        labels, brands = batch.labels(times), batch.brands(times)
        asked = Asker(CATALOGUE).ask(labels, brands, batch.channel, per_stream, generator)
        assert len(asked.stream) > 0.4 * streams * per_stream
        tally.update(zip(asked.topic.tolist(), asked.answer.tolist(), strict=True))
        if seed == 0:
            _check_truth(asked, labels, brands)
    for topic in (*range(len(KINDS)), len(KINDS) + 2):
        yes, no = tally[topic, 1], tally[topic, 0]
        assert yes + no > 100
        assert 0.42 < yes / (yes + no) < 0.62
    brand_answers = Counter(answer for topic, answer in tally.elements() if topic == len(KINDS))
    assert len(brand_answers) > 15
    assert brand_answers[CATALOGUE.first_brand] < 0.5 * sum(brand_answers.values())


def _check_truth(asked: object, labels: dict[str, torch.Tensor], brands: torch.Tensor) -> None:
    """Compare every drawn answer with the rule in plain Python."""
    rows = zip(
        *(getattr(asked, n).tolist() for n in ("stream", "first", "last", "topic", "question", "answer")), strict=True
    )
    for stream, first, last, topic, question, answer in rows:
        text, said = CATALOGUE.questions[question], CATALOGUE.answers[answer]
        assert said in CATALOGUE.options(question, answer)
        if topic < len(KINDS):
            assert text in QUESTIONS[KINDS[topic]]
            assert said == ("no", "yes")[_state(labels[KINDS[topic]][stream].tolist(), first, last)]
        elif topic == len(KINDS):
            assert said == brand_name(int(last_brands(brands[stream : stream + 1], _stretch(first, last)).item()))
        elif topic == len(KINDS) + 1:
            kinds = [kind for kind in KINDS if _state(labels[kind][stream].tolist(), first, last) == 1]
            assert said == (", ".join(kinds) or "nothing")
        else:
            (brand,) = [b for b in range(1, len(BRANDS) + 1) if brand_name(b) in text]
            shown = (brands[stream] == brand).tolist()
            assert said == ("no", "yes")[_state(shown, first, last)]


def test_whole_streams_only() -> None:
    batch = sample_batch(0, 32, 40.0)
    times = (torch.arange(80) / 2).expand(32, -1)
    generator = torch.Generator().manual_seed(0)
    asked = Asker(CATALOGUE, whole=1.0).ask(batch.labels(times), batch.brands(times), batch.channel, 16, generator)
    assert (asked.first == 0).all()
    assert set(asked.last.tolist()) <= {10, 20, 30, 40, 50, 60, 70, 80}


def test_the_catalogue_has_each_text_once_and_four_phrasings_of_each_kind() -> None:
    assert len(set(CATALOGUE.questions)) == len(CATALOGUE.questions)
    assert len(set(CATALOGUE.answers)) == len(CATALOGUE.answers)
    assert all(len(texts) >= 4 for texts in QUESTIONS.values())
    assert CATALOGUE.answers[CATALOGUE.first_list] == "nothing"
    assert CATALOGUE.answers[CATALOGUE.first_brand] == "none"
    assert CATALOGUE.options(CATALOGUE.begins[len(KINDS)], CATALOGUE.first_brand + 1)
