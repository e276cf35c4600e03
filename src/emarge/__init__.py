"""Émarge: presence at class meetings, certified so that a stranger can check it."""

__version__ = "0.1.0"
