"""Every question and answer of the training, as texts with numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from videoxl_stream.training.footage.vocabulary import BRANDS, KINDS, brand_name

QUESTIONS = {
    "intrusion": (
        "Is there an intrusion?",
        "Did anyone enter the restricted zone?",
        "Is anyone inside the restricted zone?",
        "Has a person entered the marked zone?",
        "Did somebody walk into the restricted area?",
        "Is there an intrusion in this footage?",
    ),
    "fire": (
        "Is there a fire?",
        "Is something burning?",
        "Are there flames in this footage?",
        "Did a fire break out?",
        "Is there fire or smoke?",
        "Is there a fire in this footage?",
    ),
    "fall": (
        "Has a person fallen?",
        "Did anyone fall?",
        "Is somebody lying on the ground?",
        "Did a person fall to the ground?",
        "Is there a fall?",
        "Is there a fall in this footage?",
    ),
    "ad": (
        "Does this video contain any inserted advertisement?",
        "Is there an ad?",
        "Was an ad shown?",
        "Is there an advertisement in this footage?",
        "Did an ad interrupt the programme?",
        "Is there an ad in this footage?",
    ),
}
BRAND_QUESTIONS = (
    "Which brand was advertised last?",
    "What was the last ad for?",
    "Which brand was in the last ad?",
    "What did the last advertisement show?",
)
LIST_QUESTIONS = (
    "What happened?",
    "What happened in this footage?",
    "Which events happened?",
    "List the events.",
)
CHECK_QUESTIONS = ("Was {brand} advertised?", "Did an ad show {brand}?")
YES, NO = "yes", "no"
NOTHING = "nothing"


@dataclass(frozen=True)
class Catalogue:
    """All texts in a fixed order, so that a question and its answer are two numbers.

    Topics 0..3 are the kinds (yes or no), then ``brand`` (which was last), ``happened`` (a list of kinds) and
    ``check`` (was this brand shown, yes or no). ``phrasings[topic]`` texts belong to a topic, from ``begins[topic]``;
    those of ``check`` lie brand by brand.
    """

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    begins: tuple[int, ...]
    phrasings: tuple[int, ...]

    @classmethod
    def build(cls) -> Catalogue:
        """List all questions and answers."""
        checks = tuple(text.format(brand=f"a {brand}") for brand in BRANDS for text in CHECK_QUESTIONS)
        topics = [*(QUESTIONS[kind] for kind in KINDS), BRAND_QUESTIONS, LIST_QUESTIONS, checks]
        begins = tuple(sum(len(t) for t in topics[:i]) for i in range(len(topics)))
        counts = (*(len(t) for t in topics[:-1]), len(CHECK_QUESTIONS))
        brands = tuple(brand_name(brand) for brand in range(len(BRANDS) + 1))
        lists = tuple(happened(mask) for mask in range(2 ** len(KINDS)))
        return cls(tuple(q for topic in topics for q in topic), (NO, YES, *brands, *lists), begins, counts)

    @property
    def first_brand(self) -> int:
        """The answer number of brand 0, ``"none"``; brand b follows b places later."""
        return 2

    @property
    def first_list(self) -> int:
        """The answer number of ``"nothing"``; a set of kinds follows at the number whose bits name them."""
        return 2 + len(BRANDS) + 1

    def options(self, question: int, answer: int) -> tuple[str, ...]:
        """Return the answers to choose from: yes and no, the nearest brands, or the nearest lists."""
        truth = self.answers[answer]
        if question >= self.begins[-1] or question < self.begins[len(KINDS)]:
            return (YES, NO)
        if answer >= self.first_list:
            mask = answer - self.first_list
            near = (happened(mask ^ (1 << bit)) for bit in range(len(KINDS)))
        else:
            colour, symbol = divmod(max(answer - self.first_brand - 1, 0), 4)
            others = ((colour + 1) % 5 * 4 + symbol, colour * 4 + (symbol + 1) % 4, (colour + 2) % 5 * 4 + symbol)
            near = (brand_name(brand) for brand in (*(other + 1 for other in others), 0))
        return tuple(sorted({truth, *near}))


def happened(mask: int) -> str:
    """Name the kinds whose bits are set, ``"fire, ad"``; none is ``"nothing"``."""
    return ", ".join(kind for bit, kind in enumerate(KINDS) if mask >> bit & 1) or NOTHING


def corpus() -> list[str]:
    """Return the texts a tokenizer learns its words from, frequent words often."""
    catalogue = Catalogue.build()
    words = [a for pair in combinations(KINDS, 2) for a in pair]
    chat = ["system", "user", "assistant", "You are a helpful assistant."]
    return [*catalogue.questions, *catalogue.answers, *chat * 8, *words, YES * 1, NO, *(["yes", "no", "none"] * 8)]
