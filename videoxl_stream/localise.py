"""Where in a stretch of footage something is: bisection over pieces of it, few passes, many questions in each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from videoxl_stream.queries import Span

Ask = Callable[[Sequence[Span]], Sequence[float]]
"""Gives the probability that something happens in each of the spans; one call of the model."""

_SLACK = 1e-6  # a frame a hair before its cell begins is of that cell


@dataclass(frozen=True, slots=True)
class _Piece:
    """The cells ``first`` to ``stop - 1``; ``probability`` once it has been asked about."""

    first: int
    stop: int
    probability: float = math.nan

    def told(self, probability: float) -> _Piece:
        return _Piece(self.first, self.stop, probability)

    @property
    def halves(self) -> tuple[_Piece, _Piece]:
        middle = (self.first + self.stop) // 2
        return _Piece(self.first, middle), _Piece(middle, self.stop)


class Search:
    """Halves a stretch of footage, again and again, wherever something may be.

    The whole is asked about first. What is clearly without it is settled, and so is a single cell; everything else
    is halved and its halves are asked about in the next pass, all in one: ``1 + ceil(log2(cells))`` passes at most.
    Where halves and whole contradict each other, these hold:

    - Neither half is as sure as their whole was (none alarms though the whole did, or both are clearly without it
      though the whole was not): nothing finer is known, so the whole's verdict stands for all of it. Thus what made
      the whole alarm is never lost.
    - A half is surer than its whole: the half is right, for it is about less footage. Halves of a whole that was
      clearly without it are not asked about.

    Args:
        edges: where cells begin, ascending, and where the last one ends.
        threshold: probability from which something is there.
        clear_below: probability below which it is clearly not.
        look_closer: halve the whole once, whatever is said about it.
    """

    def __init__(
        self, edges: Sequence[float], threshold: float, clear_below: float, *, look_closer: bool = False
    ) -> None:
        self._edges, self._threshold, self._clear_below = tuple(edges), threshold, clear_below
        self._look_closer = look_closer
        self._split: list[_Piece] = []  # whose halves are asked about now; nothing in the first pass
        self._asked: list[_Piece] = [_Piece(0, len(edges) - 1)]
        self._settled: list[_Piece] = []

    @property
    def wanted(self) -> list[Span]:
        """What to ask about in this pass; nothing once the search is over."""
        return [self._span(piece) for piece in self._asked]

    @property
    def found(self) -> list[tuple[Span, float]]:
        """Pieces with the probability that stands for each, in order of time; together the whole, once it is over."""
        settled = sorted(self._settled, key=lambda piece: piece.first)
        return [(self._span(piece), piece.probability) for piece in settled]

    def tell(self, probabilities: Sequence[float]) -> None:
        """Take the answers to ``wanted``, in its order, and go on to the next pass."""
        asked = [piece.told(probability) for piece, probability in zip(self._asked, probabilities, strict=True)]
        self._asked, split, self._split = [], self._split, []
        if not split:
            self._take(asked[0], closer=self._look_closer)
            return
        for whole, left, right in zip(split, asked[::2], asked[1::2], strict=True):
            if max(self._level(left), self._level(right)) < self._level(whole):
                self._settled.append(whole)
            else:
                self._take(left)
                self._take(right)

    def _take(self, piece: _Piece, *, closer: bool = False) -> None:
        """Settle a piece or halve it."""
        if piece.stop - piece.first > 1 and (closer or self._level(piece) > 0):
            self._split.append(piece)
            self._asked += piece.halves
        else:
            self._settled.append(piece)

    def _level(self, piece: _Piece) -> int:
        """0 clearly not, 1 in doubt, 2 there."""
        return int(piece.probability >= self._clear_below) + int(piece.probability >= self._threshold)

    def _span(self, piece: _Piece) -> Span:
        return Span(self._edges[piece.first], self._edges[piece.stop])


def localise(ask: Ask, edges: Sequence[float], threshold: float, clear_below: float) -> list[tuple[Span, float]]:
    """Find where in a stretch of footage something is, by a ``Search`` that is asked alone.

    Args:
        ask: called once in each pass.
        edges: see ``Search``.
        threshold: see ``Search``.
        clear_below: see ``Search``.

    Returns:
        pieces that cover the stretch, in order of time, each with the probability that stands for it.
    """
    search = Search(edges, threshold, clear_below)
    while wanted := search.wanted:
        search.tell(ask(wanted))
    return search.found


def cells(times: Iterable[float], span: Span, resolution_s: float | None) -> list[float]:
    """Cut a span so that each cell lasts about ``resolution_s`` and begins with footage.

    A cell without footage could not be asked about, so cuts are at times of footage only: the first of each
    stretch of ``resolution_s``, counted from the span's start.

    Args:
        times: at which footage begins that can be told apart, ascending.
        span: what is cut.
        resolution_s: seconds; None makes one cell.

    Returns:
        the edges: the span's start, each cut, its end.
    """
    firsts: dict[int, float] = {}
    for time_s in times if resolution_s is not None else ():
        if span.start_s <= time_s < span.end_s:
            firsts.setdefault(math.floor((time_s - span.start_s) / (resolution_s or 1.0) + _SLACK), time_s)
    return [span.start_s, *list(firsts.values())[1:], span.end_s]
