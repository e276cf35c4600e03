class CommandError(Exception):
    """What a command says and stops on: exit code 1 (the answer is no) or 2 (it was misused)."""

    def __init__(self, text: str, *, code: int = 1) -> None:
        super().__init__(text)
        self.code = code
