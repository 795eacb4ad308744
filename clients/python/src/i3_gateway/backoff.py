"""How long to wait before the next try."""

from __future__ import annotations

import random

FIRST_SECONDS = 1.0
MAX_SECONDS = 60.0


class Backoff:
    """Doubles from 1 to 60 seconds. Up to half of each wait is left out by chance, so that clients do not come all at once."""

    def __init__(self, first_seconds: float = FIRST_SECONDS, max_seconds: float = MAX_SECONDS) -> None:
        self.first_seconds, self.max_seconds = first_seconds, max_seconds
        self._next = first_seconds

    def wait(self) -> float:
        """Seconds to wait now. The next wait is longer."""
        wait = self._next * random.uniform(0.5, 1.0)
        self._next = min(self._next * 2, self.max_seconds)
        return wait

    def reset(self) -> None:
        """A connection stood: the next wait is short again."""
        self._next = self.first_seconds
