"""Reaches the timestamp authority's public pages: its address is in the environment."""

import os

from emarge.proof.timestamping.comparison import QUARTZ, ClockState, Verdict
from emarge.proof.timestamping.errors import TimestampUnavailable
from emarge.proof.timestamping.report import NumberedChange, ReportClient, Round, SourceReport, Status
from emarge.proof.timestamping.tokens import DEMO_POLICY

__all__ = [
    "DEMO_POLICY",
    "QUARTZ",
    "ClockState",
    "NumberedChange",
    "Round",
    "SourceReport",
    "Status",
    "TimestampUnavailable",
    "Verdict",
    "client",
    "status",
]


def client() -> ReportClient:
    """A client of the authority's reports. Use it as a context manager.

    Raises TimestampUnavailable when no address is set: nothing is known of the clock then.
    """
    url = os.environ.get("EMARGE_TIMESTAMP_URL")
    if not url:
        raise TimestampUnavailable("EMARGE_TIMESTAMP_URL is not set: it says where the timestamp authority answers")
    return ReportClient(url)


def status() -> Status | None:
    """What the authority says of the time now, for a screen, which says so when it does not answer."""
    try:
        with client() as asked:
            return asked.status()
    except TimestampUnavailable:
        return None
