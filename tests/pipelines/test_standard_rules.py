from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.pipelines.standard_rules import ad, anomaly, count, question, summary
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel, ScriptedSource


def found(*rules: Rule, **truth: list[Span]) -> dict[str, list[Event]]:
    """A minute and a half at two frames per second, in windows of five seconds."""
    texts = {rule.name: rule.question for rule in rules}
    model = ScriptedModel({texts[name]: spans for name, spans in truth.items()}, window_frames=10)
    source = ScriptedSource([step / 2 for step in range(180)])
    events = Pipeline(sources=[source], model=model, rules=rules, store=EventStore("sqlite://")).run()
    return {name: [event for event in events if event.rule == name] for name in texts}


def test_an_ad_is_found_and_what_it_is_for_is_asked() -> None:
    rule = ad()
    [event] = found(rule, ad=[Span(21.0, 36.0)])["ad"]
    assert f"{rule.question} {rule.content}" == (
        "Does this video contain any inserted advertisement? Which is the content of the ad?"
    )
    assert (event.start_s, event.end_s, event.content) == (21, 36, "no (10%)")


def test_an_anomaly_rings_once_for_a_while() -> None:
    flickering = [Span(10.0, 14.0), Span(15.0, 20.0), Span(30.0, 31.0), Span(70.0, 75.0)]
    events = found(anomaly(), anomaly=flickering)["anomaly"]
    assert [(event.start_s, event.end_s, event.severity) for event in events] == [
        (10, 20, "critical"),
        (70, 75, "critical"),
    ]


def test_a_question_of_ones_own() -> None:
    [event] = found(question("door", "Is the door open?"), door=[Span(40.0, 42.0)])["door"]
    assert (event.start_s, event.end_s, event.content) == (40, 42, None)


def test_counts_come_every_minute_about_the_newest_window() -> None:
    rule = count("people", "How many people are there?", most=2)
    assert rule.answers == ("0", "1", "2 or more")
    events = found(rule, people=[Span(60.0, 90.0)])["people"]
    assert [(event.start_s, event.end_s, event.answer) for event in events] == [(0, 5, "1"), (55, 60, "1")]
    with pytest.raises(ConfigError, match="two or more"):
        count("people", "How many people are there?", most=0)


def test_a_summary_is_about_what_the_memory_holds() -> None:
    rule = summary(schedule=timedelta(seconds=60), look_back_s=30.0)
    events = found(rule)["summary"]
    assert [(event.start_s, event.end_s) for event in events] == [(0, 5), (30, 60)]
    assert all(event.content for event in events)


def test_rules_fit_a_site_by_replacing_fields() -> None:
    assert replace(anomaly(), threshold=0.9, name="gate").threshold == 0.9


def test_the_example_of_the_docs_runs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, list[Rule]] = {}
    exec(code, names)
    assert [rule.name for rule in names["rules"]] == ["ad", "fence", "door", "people", "summary"]
