"""Wrong credentials, by peer: a hundred at once, then ten a second. A right credential is never asked to wait."""

import time
from collections import OrderedDict
from collections.abc import Callable

_AT_ONCE = 100
_PER_SECOND = 10.0
_MOST_PEERS = 1024


class Failures:
    """What is left to each peer; the peers longest unheard of are forgotten when there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, peer: str) -> bool:
        """Count one failure of a peer, and say whether it is still answered as an ordinary one."""
        now = self._clock()
        left, since = self._left.pop(peer, (float(_AT_ONCE), now))
        left = min(_AT_ONCE, left + (now - since) * _PER_SECOND)
        admitted = left >= 1
        self._left[peer] = (left - 1 if admitted else left, now)
        if len(self._left) > _MOST_PEERS:
            self._left.popitem(last=False)
        return admitted
