"""What the embedded model knows to watch for, as rules that are ready to use."""

from __future__ import annotations

from collections.abc import Iterable

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Severity
from videoxl_stream.rules import Rule

# An event begins at the first, opens once it has lasted for the third, and closes once it has been below the second for
# more than the fourth, in seconds; chosen by python -m videoxl_stream.evaluation.rule_fitting
THRESHOLDS = {
    "intrusion": (0.95, 0.05, 2.0, 4.0),
    "fire": (0.7, 0.2, 3.0, 4.0),
    "fall": (0.7, 0.1, 3.0, 2.0),
    "crowd": (0.95, 0.9, 3.0, 4.0),
    "breakdown": (0.8, 0.6, 3.0, 4.0),
    "tampering": (0.6, 0.3, 2.0, 0.0),
    "ad": (0.7, 0.3, 2.0, 0.0),
    "abandoned": (0.209, 0.209, 15.0, 5.0),
}
# Scale and shift of each rule's logit, fitted by the same
CALIBRATION = {
    "intrusion": (0.993, -0.055),
    "fire": (0.845, -2.892),
    "fall": (0.71, -3.234),
    "crowd": (0.977, -0.659),
    "breakdown": (0.807, -1.514),
    "tampering": (0.758, -2.109),
    "ad": (0.554, -2.3),
    "abandoned": (0.67, -1.043),
}
QUESTIONS = {
    "intrusion": "Is there an intrusion?",
    "fire": "Is there a fire?",
    "fall": "Has a person fallen?",
    "crowd": "Is there a crowd?",
    "breakdown": "Has a vehicle broken down?",
    "tampering": "Is the camera covered?",
    "ad": "Does this video contain any inserted advertisement?",
    "abandoned": "Has an object been left behind all this time?",
}
AD_CONTENT = "What is the content of the ad?"
_CRITICAL = {"fire", "fall", "tampering"}
_ABANDONED_S = 60.0  # an object that nobody has taken away for this long was left behind


def embedded_rules(kinds: Iterable[str] = QUESTIONS) -> list[Rule]:
    """Rules for the embedded model: six anomalies and objects left behind on a site camera, ads in a programme.

    The model was trained at 2 frames per second, where a window of ten frames lasts 5 s; give its sources
    ``sample_fps=2``. All but one are located to the second within the newest window; whether an object has lain there
    for a minute is asked of the last minute of memory.

    Args:
        kinds: names out of QUESTIONS.

    Raises:
        ConfigError: the model does not know a kind.
    """
    wanted = list(kinds)
    if unknown := sorted(set(wanted) - set(QUESTIONS)):
        msg = f"the embedded model knows no {unknown}; choose from {list(QUESTIONS)}"
        raise ConfigError(msg)
    return [_rule(kind) for kind in wanted]


def _rule(kind: str) -> Rule:
    threshold, clear_below, delay_s, hold_s = THRESHOLDS[kind]
    lasting = kind == "abandoned"
    return Rule(
        name=kind,
        question=QUESTIONS[kind],
        content=AD_CONTENT if kind == "ad" else None,
        look_back_s=_ABANDONED_S if lasting else 1.0,
        min_footage_s=_ABANDONED_S if lasting else 0.0,
        locates=not lasting,
        threshold=threshold,
        clear_below=clear_below,
        delay_s=delay_s,
        hold_s=hold_s,
        calibration=CALIBRATION[kind],
        severity=Severity.INFO if kind == "ad" else Severity.CRITICAL if kind in _CRITICAL else Severity.WARNING,
    )
