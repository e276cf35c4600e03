import argparse  # noqa: TC003 - a type alias is read when the module is
from typing import TypeAlias

# argparse gives the type no public name, and it is generic for type checkers only.
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - see above
