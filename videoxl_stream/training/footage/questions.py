"""Questions about stretches of streams, with true answers, balanced and drawn on the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from videoxl_stream.training.footage.phrases import LISTED, MOST_PEOPLE, TOPICS, Catalogue
from videoxl_stream.training.footage.vocabulary import BRANDS, KINDS, SYMBOLS

UNCLEAR = -1
_BRAND, _HAPPENED, _PEOPLE, _CHECK = range(len(KINDS), len(TOPICS))
_ABANDONED, _AD = KINDS.index("abandoned"), KINDS.index("ad")
_LOOK_BACK_FRAMES = 120
"""How far the rule for abandoned objects looks back, at 2 frames a second: half of its questions do the same."""
_LATE_FRAMES, _MISSING_FRAMES = 2, 8
_FAVOURED = torch.tensor([{"abandoned": 2.0, "fall": 1.2}.get(kind, 1.0) for kind in KINDS])
"""How often a kind is asked about, against the others: these two are the hardest to learn."""


@dataclass(frozen=True)
class Questions:
    """Questions as numbers, each (count,) int64."""

    stream: Tensor
    first: Tensor  # the stretch asked about is the frames [first, last)
    last: Tensor
    topic: Tensor  # into TOPICS
    question: Tensor  # into Catalogue.questions
    answer: Tensor  # into Catalogue.answers


@dataclass(frozen=True)
class Stretches:
    """Candidate stretches of frames [first, last), each (batch, questions, candidates) int64."""

    first: Tensor
    last: Tensor

    @classmethod
    def draw(
        cls, shape: tuple[int, int, int], frames: int, window: int, whole: float, generator: Generator
    ) -> Stretches:
        """Draw stretches of three sorts.

        Three in ten are a few frames long, as when an event is located. As many, where the stream is long enough, are
        one look-back long and end at a window boundary. The others begin and end at window boundaries, a quarter of
        them with the stream's end and a share of ``whole`` at its beginning.
        """
        device = generator.device
        windows = max(frames // window, 1)
        chance = [torch.rand(shape, generator=generator, device=device) for _ in range(6)]
        last = 1 + (chance[0] * windows).long().clamp(max=windows - 1)
        last = torch.where(chance[1] < 0.25, windows, last)
        first = torch.where(chance[2] < whole, 0, (chance[3] * last).long()) * window
        last = last * window
        begin = 2 * (chance[0] * (frames / 2)).long()
        few, back = chance[4] < 0.3, (chance[4] > 0.7) & (last >= _LOOK_BACK_FRAMES)
        first = torch.where(few, begin, torch.where(back, last - _LOOK_BACK_FRAMES, first)).clamp(max=frames - 1)
        last = torch.where(few, begin + 2 * (1 + (chance[5] * 3).long()), last).clamp(max=frames)
        return cls(first, torch.maximum(last, first + 1))


def _runs(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first frame and the length of the run of equal values each frame is in; dimension 1 is time."""
    frames = values.shape[1]
    place = torch.arange(frames, device=values.device).view(1, -1, *[1] * (values.dim() - 2)).expand_as(values)
    new = torch.ones_like(values, dtype=torch.bool)
    new[:, 1:] = values[:, 1:] != values[:, :-1]
    begin = torch.where(new, place, 0).cummax(dim=1).values
    ends = torch.ones_like(new)
    ends[:, :-1] = new[:, 1:]
    end = torch.where(ends, place, frames).flip(1).cummin(dim=1).values.flip(1)
    return begin, end - begin + 1


def states(labels: Tensor, stretches: Stretches) -> Tensor:
    """Say of each stretch and kind whether it happened there: 1 yes, 0 no, UNCLEAR.

    Yes: active in two or more frames of the stretch, or half of the occurrence's frames lie in it. No: active in
    none. Anything else is unclear and should not be asked.

    Args:
        labels: (batch, frames, kinds) bool.
        stretches: (batch, questions, candidates).

    Returns:
        (batch, questions, candidates, kinds) int64.
    """
    _, length = _runs(labels)
    short = labels & (length <= 2)
    counts = []
    for marks in (labels, short):
        total = torch.nn.functional.pad(marks.long().cumsum(dim=1), (0, 0, 1, 0))  # (batch, frames + 1, kinds)
        counts.append(_at(total, stretches.last) - _at(total, stretches.first))
    active, halves = counts
    yes = (active >= 2) | (halves >= 1)
    return torch.where(yes, 1, torch.where(active == 0, 0, UNCLEAR))


def lasting(present: Tensor, stretches: Stretches) -> Tensor:
    """Say of each stretch whether an object lay there from its beginning to its end: 1 yes, 0 no, UNCLEAR.

    Args:
        present: (batch, frames) bool.
        stretches: (batch, questions, candidates).

    Returns:
        (batch, questions, candidates) int64.
    """
    total = torch.nn.functional.pad(present.long().cumsum(dim=1), (1, 0))  # (batch, frames + 1)
    length = stretches.last - stretches.first
    late = torch.where(length > 2 * _LATE_FRAMES, _LATE_FRAMES, 0)
    missing = length - (_at(total, stretches.last) - _at(total, stretches.first))
    missing_later = length - late - (_at(total, stretches.last) - _at(total, stretches.first + late))
    enough = torch.minimum(torch.full_like(length, _MISSING_FRAMES), (length + 1) // 2)
    return torch.where(missing_later == 0, 1, torch.where(missing >= enough, 0, UNCLEAR))


def last_brands(brands: Tensor, stretches: Stretches) -> Tensor:
    """Return the brand shown last in each stretch, 0 none, UNCLEAR after a single frame of a longer ad.

    Args:
        brands: (batch, frames) int64.
        stretches: (batch, questions, candidates).

    Returns:
        (batch, questions, candidates) int64.
    """
    begin, length = _runs(brands)
    place = torch.arange(brands.shape[1], device=brands.device).expand_as(brands)
    latest = torch.where(brands > 0, place, -1).cummax(dim=1).values
    found = _at(latest, stretches.last - 1)
    inside = found >= stretches.first
    found = found.clamp(min=0)
    seen = found - torch.maximum(_at(begin, found), stretches.first) + 1
    clear = (seen >= 2) | (_at(length, found) <= 2)
    return torch.where(inside, torch.where(clear, _at(brands, found), UNCLEAR), 0)


def shown_brands(brands: Tensor, stretches: Stretches) -> Tensor:
    """Say of each brand whether it was shown in each stretch, (batch, questions, candidates, brands): see states."""
    table = torch.nn.functional.one_hot(brands, len(BRANDS) + 1)[..., 1:].bool()  # (batch, frames, brands)
    return states(table, stretches)


def _at(values: Tensor, index: Tensor) -> Tensor:
    """Read values (batch, frames, ...) at frames (batch, questions, candidates)."""
    rows = torch.arange(values.shape[0], device=values.device).view(-1, 1, 1)
    return values[rows, index]


def _evenly(weights: Tensor) -> Tensor:
    """Scale weights (batch, questions, candidates, kinds) so that no kind crowds out others by its many candidates."""
    return weights / weights.sum(dim=2, keepdim=True).clamp(min=1)


def _pick(weights: Tensor, generator: Generator) -> Tensor:
    """Draw one index in proportion to weights (..., choices); rows without any weight give 0."""
    flat = weights.flatten(0, -2)
    flat = torch.where(flat.sum(dim=-1, keepdim=True) > 0, flat, 1.0)
    return torch.multinomial(flat, 1, generator=generator).view(weights.shape[:-1])


def _surplus(topic: Tensor, answer: Tensor, near: Tensor, generator: Generator) -> Tensor:
    """Mark no more noes than a topic has yeses; those of streams in which it did happen (``near``) stay longest.

    Args:
        topic: (batch, questions) int64; only the kinds and ``check`` are thinned.
        answer: (batch, questions), 1 yes, 0 no.
        near: (batch, questions) bool.
        generator: on the same device.

    Returns:
        (batch, questions) bool: leave this question out.
    """

    def tally(which: Tensor) -> Tensor:
        count = torch.zeros(_CHECK + 1, device=topic.device)
        return count.index_add_(0, topic.flatten(), which.flatten().float())

    hard, easy = (answer == 0) & near, (answer == 0) & ~near
    target, hards = tally(answer == 1), tally(hard)
    keep_hard = (0.75 * target / hards.clamp(min=1)).clamp(max=1.0)
    keep_easy = (target - hards * keep_hard).clamp(min=0.0) / tally(easy).clamp(min=1)
    chance = torch.rand(topic.shape, generator=generator, device=topic.device)
    drop = (hard & (chance > keep_hard[topic])) | (easy & (chance > keep_easy[topic]))
    return drop & ((topic < len(KINDS)) | (topic == _CHECK))


@dataclass(frozen=True)
class Asker:
    """Draws questions with a chosen mix of topics and as many yes as no.

    Balance holds over all questions of a kind in a batch: streams with events get more yes, streams without only no,
    and surplus noes are left out. A stretch of a stream in which the kind happened, but elsewhere, is the preferred no.

    Args:
        catalogue: the texts.
        window: frames of a window; stretches begin and end at multiples.
        brand: share of questions about the last brand where ads are shown; ``check`` as much again; a tenth elsewhere.
        happened: share of questions for the list of what happened.
        people: share of questions for the number of people, on sites.
        foreign: weight of a kind that cannot happen in a stream's style, against one which can.
        whole: share of candidate stretches that begin with the stream; 1 asks of everything so far, always.
        candidates: stretches to choose from for each question.
    """

    catalogue: Catalogue
    window: int = 10
    brand: float = 0.15
    happened: float = 0.08
    people: float = 0.03
    foreign: float = 0.06
    whole: float = 0.5
    candidates: int = 8

    def ask(
        self,
        labels: dict[str, Tensor],
        brands: Tensor,
        people: Tensor,
        channel: Tensor,
        per_stream: int,
        generator: Generator,
    ) -> Questions:
        """Draw up to ``per_stream`` questions for each stream; unclear and surplus ones, about a third, are left out.

        Args:
            labels: kind -> (batch, frames) bool.
            brands: (batch, frames) int64, 0 none.
            people: (batch, frames) int64, how many can be seen.
            channel: (batch,) bool.
            per_stream: questions per stream before any is left out.
            generator: on the device of the labels.
        """
        stacked = torch.stack([labels[kind] for kind in KINDS], dim=-1)  # (batch, frames, kinds)
        batch, frames, _ = stacked.shape
        stretches = Stretches.draw((batch, per_stream, self.candidates), frames, self.window, self.whole, generator)
        truth = states(stacked, stretches)
        truth[..., _ABANDONED] = lasting(stacked[..., _ABANDONED], stretches)
        at_end = _at(stacked[..., _ABANDONED], stretches.last - 1)
        # An object that was left behind is asked about over one look-back, and the best no is one left more recently.
        long = torch.where(stretches.last - stretches.first >= _LOOK_BACK_FRAMES, 10.0, 1.0)
        weights = torch.ones_like(truth, dtype=torch.float32)
        weights[..., _ABANDONED] = long * torch.where((truth[..., _ABANDONED] == 0) & at_end, 6.0, 1.0)
        shows = (brands > 0).any(dim=1)  # (batch,); inserts are ads at a site, too
        fits = torch.where(channel.unsqueeze(1), 0.0, 1.0).repeat(1, len(KINDS))
        fits[:, _AD] = (channel | shows).float()
        topic, choice, answer = self._kinds(truth, weights, stacked.any(dim=1), fits, generator)
        other = self._topics(shows, channel, (batch, per_stream), generator)
        specific = torch.zeros_like(topic)
        for special, drawn in (
            (_BRAND, self._last(brands, stretches, generator)),
            (_HAPPENED, self._list(truth[..., : len(LISTED)], generator)),
            (_PEOPLE, self._count(people, stretches, generator)),
            (_CHECK, self._check(brands, stretches, generator)),
        ):
            on = other == special
            topic = torch.where(on, special, topic)
            choice, answer = torch.where(on, drawn[0], choice), torch.where(on, drawn[1], answer)
            specific = torch.where(on, drawn[2], specific)
        ever = torch.nn.functional.pad(stacked.any(dim=1), (0, len(TOPICS) - len(KINDS)))  # (batch, topics)
        ever[:, _CHECK] = shows
        answer = torch.where(_surplus(topic, answer, ever.gather(1, topic), generator), UNCLEAR, answer)
        return self._questions(stretches, topic, choice, answer, specific, generator)

    def _topics(self, with_ads: Tensor, channel: Tensor, shape: tuple[int, int], generator: Generator) -> Tensor:
        """Draw topics beyond the kinds, 0 for a kind, (batch, questions); ``with_ads``, ``channel`` are (batch,)."""
        chance = torch.rand(shape, generator=generator, device=with_ads.device)
        share = torch.where(with_ads, self.brand, self.brand * 0.1).unsqueeze(1)
        brand = torch.where(chance < share, _BRAND, torch.where(chance < 2 * share, _CHECK, 0))
        people = (chance > 1 - self.happened - self.people) & ~channel.unsqueeze(1)
        return torch.where(chance > 1 - self.happened, _HAPPENED, torch.where(people, _PEOPLE, brand))

    def _kinds(
        self, truth: Tensor, weights: Tensor, ever: Tensor, fits: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Choose a kind and a stretch for a yes or a no: topic, candidate, answer, each (batch, questions).

        ``truth`` and ``weights``, by which stretches are preferred, are (batch, questions, candidates, kinds);
        ``fits``, 1 for kinds that can happen in a stream, is (batch, kinds).
        """
        batch, count, _, kinds = truth.shape
        can = (truth == 1).flatten(1).any(dim=1)  # (batch,)
        share = (0.5 / can.float().mean().clamp(min=0.05)).clamp(max=0.8)
        want = torch.rand((batch, count), generator=generator, device=truth.device) < share * can.unsqueeze(1)
        yes = (_evenly((truth == 1) * weights) * _FAVOURED.to(weights)).flatten(2)
        chosen = _pick(yes, generator)
        want &= yes.gather(2, chosen.unsqueeze(2)).squeeze(2) > 0
        tally = torch.zeros(kinds, device=truth.device).index_add_(
            0, (chosen % kinds).flatten(), want.flatten().float()
        )
        weight = fits.clamp(min=self.foreign) * torch.where(ever, 3.0, 1.0) * (tally + 1)
        no = (_evenly((truth == 0) * weights) * weight.view(batch, 1, 1, kinds)).flatten(2)
        flat = torch.where(want, chosen, _pick(no, generator))
        answer = truth.flatten(2).gather(2, flat.unsqueeze(2)).squeeze(2)
        return flat % kinds, flat // kinds, answer

    def _last(self, brands: Tensor, stretches: Stretches, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Choose a stretch to ask for its last brand; one in five of the weight lies on none."""
        found = last_brands(brands, stretches)
        choice = _pick(torch.where(found > 0, 1.0, torch.where(found == 0, 0.2, 0.0)), generator)
        brand = found.gather(2, choice.unsqueeze(2)).squeeze(2)
        answer = torch.where(brand == UNCLEAR, UNCLEAR, brand + self.catalogue.first_brand)
        return choice, answer, torch.zeros_like(choice)

    def _list(self, truth: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Choose a stretch in which everything is clear, to ask what happened."""
        clear = (truth != UNCLEAR).all(dim=-1)
        bits = 2 ** torch.arange(truth.shape[-1], device=truth.device)
        mask = torch.where(clear, (truth.clamp(min=0) * bits).sum(dim=-1), UNCLEAR)
        choice = _pick(torch.where(mask > 0, 1.0, torch.where(mask == 0, 0.4, 0.0)), generator)
        found = mask.gather(2, choice.unsqueeze(2)).squeeze(2)
        answer = torch.where(found == UNCLEAR, UNCLEAR, found + self.catalogue.first_list)
        return choice, answer, torch.zeros_like(choice)

    def _count(self, people: Tensor, stretches: Stretches, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Choose a stretch at whose end the number of people is clear, larger numbers more often."""
        now, before = _at(people, stretches.last - 1), _at(people, (stretches.last - 2).clamp(min=0))
        number = torch.where((now == before) & (now <= MOST_PEOPLE), now, UNCLEAR)
        choice = _pick(torch.where(number >= 0, 1.0 + number.clamp(min=0), 0.0), generator)
        found = number.gather(2, choice.unsqueeze(2)).squeeze(2)
        answer = torch.where(found == UNCLEAR, UNCLEAR, found + self.catalogue.first_number)
        return choice, answer, torch.zeros_like(choice)

    def _check(self, brands: Tensor, stretches: Stretches, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Choose a stretch and a brand; a no is mostly one that shares colour or symbol with a brand shown."""
        shown = shown_brands(brands, stretches)  # (batch, questions, candidates, brands)
        number = torch.arange(len(BRANDS), device=brands.device)
        related = (number[:, None] // len(SYMBOLS) == number // len(SYMBOLS)) | (
            number[:, None] % len(SYMBOLS) == number % len(SYMBOLS)
        )
        near = ((shown == 1).float() @ related.float() > 0).float()
        want = torch.rand(shown.shape[:2], generator=generator, device=brands.device) < 0.5
        yes, no = (shown == 1).float().flatten(2), ((shown == 0) * (0.02 + near)).flatten(2)
        use_yes = want & (yes.sum(dim=-1) > 0)
        flat = _pick(torch.where(use_yes.unsqueeze(-1), yes, no), generator)
        answer = shown.flatten(2).gather(2, flat.unsqueeze(2)).squeeze(2)
        return flat // len(BRANDS), answer, flat % len(BRANDS)

    def _questions(
        self,
        stretches: Stretches,
        topic: Tensor,
        choice: Tensor,
        answer: Tensor,
        specific: Tensor,
        generator: Generator,
    ) -> Questions:
        """Choose a phrasing for each question and drop the unclear ones."""
        begins = torch.tensor(self.catalogue.begins, device=topic.device)[topic]
        counts = torch.tensor(self.catalogue.phrasings, device=topic.device)[topic]
        chance = torch.rand(topic.shape, generator=generator, device=topic.device)
        text = begins + specific * counts + (chance * counts).long().clamp(max=counts - 1)
        stream = torch.arange(topic.shape[0], device=topic.device).unsqueeze(1).expand_as(topic)
        first, last = (s.gather(2, choice.unsqueeze(2)).squeeze(2) for s in (stretches.first, stretches.last))
        clear = answer != UNCLEAR
        return Questions(*(t[clear] for t in (stream, first, last, topic, text, answer)))
