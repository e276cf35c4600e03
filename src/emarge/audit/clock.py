"""What the application knows of its own clock."""

from datetime import datetime
from typing import Any

from emarge.proof.timestamping.comparison import ClockState


def reading(at: datetime) -> dict[str, Any]:  # noqa: ARG001 - sources that answer for an instant come with it
    """What is honestly known of the web server's clock: it is read, and nothing vouches for it.

    The bound is unknown; the certified time is the timestamp token's, whose clock says its own state.
    """
    return {"state": ClockState.UNKNOWN.value, "bound_ms": None, "sources": ["system"]}
