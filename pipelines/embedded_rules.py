"""What the embedded model knows to watch for, as rules that are ready to use."""

from __future__ import annotations

from videoxl_stream.events import Severity
from videoxl_stream.rules import Rule

# An event opens at the first and closes below the second; chosen on seeds that serve nothing else by
# python -m videoxl_stream.evaluation.thresholds --seeds 2000-2019
THRESHOLDS = {
    "intrusion": (0.95, 0.75),
    "fire": (0.65, 0.35),
    "fall": (0.55, 0.5),
    "ad": (0.65, 0.35),
}
QUESTIONS = {
    "intrusion": "Is there an intrusion?",
    "fire": "Is there a fire?",
    "fall": "Has a person fallen?",
    "ad": "Does this video contain any inserted advertisement?",
}
_SEVERITIES = {
    "intrusion": Severity.WARNING,
    "fire": Severity.CRITICAL,
    "fall": Severity.CRITICAL,
    "ad": Severity.INFO,
}


def embedded_rules() -> list[Rule]:
    """Rules for the embedded model: intrusion, fire and fall on a site camera, ads in a programme.

    Each is asked whenever a window closes, about that window. The model was trained at 2 frames per second, where a
    window of ten frames lasts 5 s; give its sources ``sample_fps=2``.
    """
    return [
        Rule(
            name=name,
            question=question,
            resolution_s=None,  # it was taught about whole windows only
            threshold=THRESHOLDS[name][0],
            clear_below=THRESHOLDS[name][1],
            severity=_SEVERITIES[name],
        )
        for name, question in QUESTIONS.items()
    ]
