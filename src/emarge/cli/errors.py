class CommandError(Exception):
    """What a command says and stops on: exit code 1 (the answer is no), 2 (it was misused) or 3 (cli/ending.py)."""

    def __init__(self, text: str, *, code: int = 1) -> None:
        super().__init__(text)
        self.code = code
