import argparse

Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse gives the type no public name
