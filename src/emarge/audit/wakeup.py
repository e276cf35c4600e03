"""Tells the relay of this process that an event was committed; a relay elsewhere polls."""

import threading

committed = threading.Event()
