"""Reaches the timestamp authority's public pages: its address is in the environment."""

import os

from emarge.proof.timestamping.errors import TimestampUnavailable
from emarge.proof.timestamping.report import ReportClient

__all__ = ["TimestampUnavailable", "client"]


def client() -> ReportClient:
    """A client of the authority's reports. Use it as a context manager.

    Raises TimestampUnavailable when no address is set: nothing is known of the clock then.
    """
    url = os.environ.get("EMARGE_TIMESTAMP_URL")
    if not url:
        raise TimestampUnavailable("EMARGE_TIMESTAMP_URL is not set: it says where the timestamp authority answers")
    return ReportClient(url)
