"""What names stand for where people write them: models, rules and where footage is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from videoxl_stream.connectors import open_source
from videoxl_stream.connectors.file import FileSource
from videoxl_stream.connectors.recordings import Recordings
from videoxl_stream.errors import ConfigError
from videoxl_stream.interfaces import Source, VideoModel
from videoxl_stream.pipelines.embedded_rules import QUESTIONS, embedded_rules
from videoxl_stream.pipelines.standard_rules import ad, anomaly, count, question, summary
from videoxl_stream.rules import Rule
from videoxl_stream.training.footage import phrases

EMBEDDED = "embedded"
"""The small model that comes along."""

Model = str | Path | VideoModel[Any]
Where = str | Path | Source
SampleFps = float | Literal["keyframes", "all"] | None

_EMBEDDED_FOLDER = Path(str(files("videoxl_stream") / "model" / "embedded"))
_EMBEDDED_FPS, _USUAL_FPS = 2.0, 1.0  # what the embedded model was trained at; what Video-XL looks at
_NAME_CHARACTERS = 60


def is_embedded(model: Model) -> bool:
    """Whether a model, or what names it, is the one that comes along."""
    if isinstance(model, str | Path):
        return str(model) == EMBEDDED or Path(model).absolute() == _EMBEDDED_FOLDER
    loaded_from = getattr(getattr(model, "tokenizer", None), "name_or_path", None)
    return isinstance(loaded_from, str) and Path(loaded_from) == _EMBEDDED_FOLDER


def check_model(model: Model) -> None:
    """Refuse a name of a model that means nothing, before anything is loaded.

    Raises:
        ConfigError: it is neither ``embedded`` nor a folder.
    """
    if not isinstance(model, str | Path) or is_embedded(model) or Path(model).is_dir():
        return
    msg = f"there is no model {str(model)!r}{_instead(str(model), [EMBEDDED])}; give 'embedded' or a folder of weights"
    raise ConfigError(msg)


def load_model(model: Model, *, device: str = "cpu") -> VideoModel[Any]:
    """Load a model by name; one that is loaded already is handed back.

    Args:
        model: ``embedded``, a folder with weights, or a model.
        device: where a model that is loaded goes.

    Raises:
        ConfigError: it is neither ``embedded`` nor a folder.
        CheckpointError: the folder holds no weights that can be used.
    """
    if not isinstance(model, str | Path):
        return model
    check_model(model)
    from videoxl_stream.model.video_xl import VideoXL  # noqa: PLC0415 - PyTorch takes seconds to import

    return VideoXL.from_pretrained(model, device=device)


def check_different(what: str, names: Sequence[str], remedy: str) -> None:
    """Refuse names that come twice.

    Raises:
        ConfigError: some do.
    """
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"several {what} are called {', '.join(twice)}; {remedy}"
        raise ConfigError(msg)


# ---- rules


def known_rules(model: Model) -> dict[str, Callable[[], Rule]]:
    """The names that ``named_rule`` takes for a model, each with what makes its rule."""
    if is_embedded(model):
        kinds = {kind: partial(_taught, kind) for kind in QUESTIONS}
        return {**kinds, "summary": partial(summary, phrases.LIST_QUESTIONS[0]), "count": _count}
    return {**{kind: partial(_usual, kind) for kind in QUESTIONS}, **_STANDARD}


def named_rule(name: str, model: Model) -> Rule:
    """The ready-made rule of a name, fit for a model.

    Raises:
        ConfigError: there is none; the message says which there are.
    """
    known = known_rules(model)
    if name not in known:
        msg = f"no rule is called {name!r}{_instead(name, known)}; known here are {', '.join(known)}, and questions"
        raise ConfigError(msg)
    return known[name]()


def asked_rule(text: str, model: Model) -> Rule:
    """A rule that asks a question to be answered by yes or no; its name is made from the text.

    Raises:
        ConfigError: the embedded model was never taught that question.
    """
    if not is_embedded(model):
        return question(_name(text), text)
    for kind, taught in phrases.QUESTIONS.items():
        if text in taught:
            return replace(_taught(kind), name=_name(text), question=text)
    known = [each for taught in phrases.QUESTIONS.values() for each in taught]
    msg = (
        f"the embedded model was never taught {text!r}{_instead(text, known)}; name one of its rules "
        f"({', '.join(QUESTIONS)}), give another model, or ask all the same with a Rule of your own"
    )
    raise ConfigError(msg)


def is_question(text: str) -> bool:
    """Whether a text is a question rather than a name: it has a space or a question mark."""
    return re.search(r"[\s?]", text.strip()) is not None


def find_rules(rules: str | Rule | Iterable[str | Rule], model: Model) -> list[Rule]:
    """Rules as people give them: a name, a question, a Rule, or several of these.

    Args:
        rules: what has a space or a question mark is a question, anything else a name.
        model: that will be asked.

    Raises:
        ConfigError: one means nothing.
    """
    given = [rules] if isinstance(rules, str | Rule) else list(rules)
    found = [each if isinstance(each, Rule) else _rule(each.strip(), model) for each in given]
    check_different("rules", [rule.name for rule in found], "leave all but one out, or give Rules with other names")
    return found


def _rule(text: str, model: Model) -> Rule:
    return asked_rule(text, model) if is_question(text) else named_rule(text, model)


def _taught(kind: str) -> Rule:
    [rule] = embedded_rules([kind])
    return rule


def _usual(kind: str) -> Rule:
    """What the embedded model was taught, asked of a model that understands plain questions."""
    taught = _taught(kind)
    usual = question(kind, taught.question, severity=taught.severity)
    fields = ("look_back_s", "min_footage_s", "locates")
    return usual if taught.locates else replace(usual, **{field: getattr(taught, field) for field in fields})


def _count() -> Rule:
    return count("count", "How many people are there?")


_STANDARD: dict[str, Callable[[], Rule]] = {"anomaly": anomaly, "ad": ad, "summary": summary, "count": _count}


def _name(text: str) -> str:
    words = re.sub(r"[\W_]+", "-", text.casefold()).strip("-")
    return words[:_NAME_CHARACTERS].rstrip("-") or "question"


def _instead(given: str, known: Iterable[str]) -> str:
    near = get_close_matches(given, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


# ---- sources


def usual_fps(model: Model) -> float:
    """Frames per second of footage that a model was made for."""
    return _EMBEDDED_FPS if is_embedded(model) else _USUAL_FPS


def wanted_fps(sample_fps: SampleFps, model: Model) -> float | Literal["keyframes"] | None:
    """Sampling as connectors take it: None means every frame there."""
    if sample_fps is None:
        return usual_fps(model)
    return None if sample_fps == "all" else sample_fps


def find_source(url: str | Path, sample_fps: SampleFps, model: Model, **options: object) -> Source:
    """The source that a path, folder, pattern or URL names.

    Args:
        url: what names it.
        sample_fps: frames per second of footage, ``"keyframes"``, ``"all"``, or None for what the model was made for.
        model: that will look at it.
        options: of the connector, such as ``stream_id``.

    Raises:
        ConfigError: no connector knows the URL.
        SourceOpenError: there is no such file.
    """
    source = open_source(url, sample_fps=wanted_fps(sample_fps, model), **options)
    if isinstance(source, FileSource):
        Recordings.find(source.path)  # what is missing should be said before a model is loaded
    return source


def find_sources(
    source: Where | Iterable[Where] | Mapping[str, Where], *, sample_fps: SampleFps = None, model: Model = EMBEDDED
) -> list[Source]:
    """Sources as people give them: a path, folder, pattern, URL or Source, or several, in a mapping with their names.

    Args:
        source: one or more.
        sample_fps: as for ``find_source``; a Source brings its own.
        model: that will look at them.

    Raises:
        ConfigError: one cannot be understood, or two streams have the same name.
        SourceOpenError: there is no such file.
    """
    named: list[tuple[str | None, Where]]
    if isinstance(source, Mapping):
        named = list(source.items())
    elif isinstance(source, str | Path) or hasattr(source, "stream_id"):
        named = [(None, cast("Where", source))]
    else:
        named = [(None, each) for each in source]
    found = [_source(name, where, sample_fps, model) for name, where in named]
    remedy = "give a mapping with a name for each, such as {'gate': 'gate.mp4'}"
    check_different("sources", [each.stream_id for each in found], remedy)
    return found


def _source(name: str | None, where: Where, sample_fps: SampleFps, model: Model) -> Source:
    if isinstance(where, str | Path):
        return find_source(where, sample_fps, model, stream_id=name)
    if sample_fps is not None or name not in {None, where.stream_id}:
        msg = f"source {where.stream_id!r} has a sampling and a name of its own; leave sample_fps and other names out"
        raise ConfigError(msg)
    return where
