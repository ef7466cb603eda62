"""Why a file cannot be read, in a word that the parent turns into a sentence."""


class Unreadable(Exception):
    """The file cannot be read; `code` names why, `detail` may hold a number or kind."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail
