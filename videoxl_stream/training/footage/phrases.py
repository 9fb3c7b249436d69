"""Every question and answer of the training, as texts with numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from videoxl_stream.evaluation.choices import HOW_MANY, HOW_OFTEN, LETTERS, ORDER, WHICH, WHICH_OF_COLOUR, lettered
from videoxl_stream.training.footage.vocabulary import BRANDS, COLOURS, KINDS, brand_name

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
    "crowd": (
        "Is there a crowd?",
        "Have many people gathered?",
        "Is a crowd standing together?",
        "Did a crowd gather?",
        "Are five or more people standing together?",
        "Is there a crowd in this footage?",
    ),
    "breakdown": (
        "Is there a breakdown?",
        "Has a vehicle broken down?",
        "Is a vehicle standing on the road with its warning lights on?",
        "Did a vehicle break down on the road?",
        "Is a car blocking the road?",
        "Is there a breakdown in this footage?",
    ),
    "tampering": (
        "Is the camera covered?",
        "Has somebody tampered with the camera?",
        "Was the lens covered or sprayed?",
        "Is the view blocked?",
        "Did anyone cover the camera?",
        "Is there tampering in this footage?",
    ),
    "ad": (
        "Does this video contain any inserted advertisement?",
        "Is there an ad?",
        "Was an ad shown?",
        "Is there an advertisement in this footage?",
        "Did an ad interrupt the programme?",
        "Is there an ad in this footage?",
    ),
    "abandoned": (
        "Has an object been left behind all this time?",
        "Has a bag been lying there all this time?",
        "Did an object lie there from beginning to end?",
        "Has something been left behind and not taken away?",
        "Was an object left behind throughout this footage?",
        "Is there an abandoned object all this time?",
    ),
}
BRAND_QUESTIONS = (
    "Which brand was advertised last?",
    "What was the last ad for?",
    "Which brand was in the last ad?",
    "What did the last advertisement show?",
    "What is the content of the ad?",
)
LIST_QUESTIONS = (
    "What happened?",
    "What happened in this footage?",
    "Which events happened?",
    "List the events.",
)
PEOPLE_QUESTIONS = (
    "How many people are there?",
    "How many people can be seen?",
    "How many people are there at the end?",
    "Count the people.",
)
CHECK_QUESTIONS = ("Was {brand} advertised?", "Did an ad show {brand}?")
TOPICS = (*KINDS, "brand", "happened", "people", "check")
YES, NO = "yes", "no"
NOTHING = "nothing"
LISTED = KINDS[:-1]
"""What a list of events may name: whether something was left behind takes a question of its own."""
MOST_PEOPLE = 9


@dataclass(frozen=True)
class Catalogue:
    """All texts in a fixed order, so that a question and its answer are two numbers.

    The kinds (yes or no) come first, then ``brand`` (which was last), ``happened`` (a list of kinds), ``people`` (how
    many at the end) and ``check`` (was this brand shown, yes or no); see TOPICS. ``phrasings[topic]`` texts belong to
    a topic, from ``begins[topic]``; those of ``check`` lie brand by brand.
    """

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    begins: tuple[int, ...]
    phrasings: tuple[int, ...]

    @classmethod
    def build(cls) -> Catalogue:
        """List all questions and answers."""
        checks = tuple(text.format(brand=f"a {brand}") for brand in BRANDS for text in CHECK_QUESTIONS)
        topics = [*(QUESTIONS[kind] for kind in KINDS), BRAND_QUESTIONS, LIST_QUESTIONS, PEOPLE_QUESTIONS, checks]
        begins = tuple(sum(len(t) for t in topics[:i]) for i in range(len(topics)))
        counts = (*(len(t) for t in topics[:-1]), len(CHECK_QUESTIONS))
        brands = tuple(brand_name(brand) for brand in range(len(BRANDS) + 1))
        numbers = tuple(map(str, range(MOST_PEOPLE + 1)))
        lists = tuple(happened(mask) for mask in range(2 ** len(LISTED)))
        return cls(tuple(q for topic in topics for q in topic), (NO, YES, *brands, *numbers, *lists), begins, counts)

    @property
    def first_brand(self) -> int:
        """The answer number of brand 0, ``"none"``; brand b follows b places later."""
        return 2

    @property
    def first_number(self) -> int:
        """The answer number of ``"0"``."""
        return 2 + len(BRANDS) + 1

    @property
    def first_list(self) -> int:
        """The answer number of ``"nothing"``; a set of kinds follows at the number whose bits name them."""
        return self.first_number + MOST_PEOPLE + 1

    def options(self, question: int, answer: int) -> tuple[str, ...]:
        """Return the answers to choose from: yes and no, the nearest brands or lists, or all numbers."""
        truth = self.answers[answer]
        if question >= self.begins[-1] or question < self.begins[len(KINDS)]:
            return (YES, NO)
        if answer >= self.first_list:
            mask = answer - self.first_list
            near = (happened(mask ^ (1 << bit)) for bit in range(len(LISTED)))
        elif answer >= self.first_number:
            near = (number for number in self.answers[self.first_number : self.first_list])
        else:
            colour, symbol = divmod(max(answer - self.first_brand - 1, 0), 4)
            others = ((colour + 1) % 5 * 4 + symbol, colour * 4 + (symbol + 1) % 4, (colour + 2) % 5 * 4 + symbol)
            near = (brand_name(brand) for brand in (*(other + 1 for other in others), 0))
        return tuple(sorted({truth, *near}))


def happened(mask: int) -> str:
    """Name the kinds whose bits are set, ``"fire, ad"``; none is ``"nothing"``."""
    return ", ".join(kind for bit, kind in enumerate(LISTED) if mask >> bit & 1) or NOTHING


def corpus() -> list[str]:
    """Return the texts a tokenizer learns its words from, frequent words often."""
    catalogue = Catalogue.build()
    words = [a for pair in combinations(KINDS, 2) for a in pair]
    chat = ["system", "user", "assistant", "You are a helpful assistant."]
    often = [YES, NO, *([YES, NO, "none"] * 8)]
    return [*catalogue.questions, *catalogue.answers, *chat * 8, *words, *often, *_quizzes()]


def _quizzes() -> list[str]:
    """Quizzes with all brands and letters; "videoxl_stream/training/footage/quizzes.py" draws them."""
    names = [brand_name(brand) for brand in range(1, len(BRANDS) + 1)]
    asked = [WHICH, ORDER, HOW_MANY, *(HOW_OFTEN.format(brand=name) for name in names)]
    asked += [WHICH_OF_COLOUR.format(colour=colour) for colour in COLOURS]
    return [
        *asked,
        *(lettered(question, names[place : place + len(LETTERS)]) for place, question in enumerate(asked[:16])),
        *(", ".join(names[place : place + 4]) for place in range(16)),
        *LETTERS * 8,
    ]
