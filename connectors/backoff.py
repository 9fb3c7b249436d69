"""How long to wait before something that failed is tried again."""

from __future__ import annotations

from random import Random

_FIRST_S = 0.5
_CAP_S = 30.0


class Backoff:
    """Waits that double from half a second up to a cap, each shortened at random by up to half.

    Chance keeps a hundred cameras behind one switch from all coming back in the same moment.

    Args:
        seed: of that chance, such as the name of what is tried: each name gets waits of its own, always the same.
        first_s: the first wait.
        cap_s: the longest.
    """

    def __init__(self, seed: str, *, first_s: float = _FIRST_S, cap_s: float = _CAP_S) -> None:
        self._random = Random(seed)
        self._first_s, self._cap_s = first_s, cap_s
        self._whole_s = first_s

    def next_s(self) -> float:
        """Seconds to wait now; the wait after it is longer."""
        whole_s, self._whole_s = self._whole_s, min(2 * self._whole_s, self._cap_s)
        return whole_s * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin with the first wait again."""
        self._whole_s = self._first_s
