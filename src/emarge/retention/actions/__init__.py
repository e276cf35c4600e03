"""Every write about retention: one function per thing a person does, one transaction, one recorded event."""

from emarge.retention.actions.histories import consult
from emarge.retention.actions.holds import ask_to_lift, place_hold
from emarge.retention.actions.orders import approve, ask_destruction, ask_erasure, download, refuse_order
from emarge.retention.actions.periods import set_years

__all__ = [
    "approve",
    "ask_destruction",
    "ask_erasure",
    "ask_to_lift",
    "consult",
    "download",
    "place_hold",
    "refuse_order",
    "set_years",
]
