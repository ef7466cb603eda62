"""Refusals: what the portal says when a rule forbids an act."""


class Refusal(Exception):
    """A rule forbids the act. Base of every domain error that a user may meet.

    `message` is a whole sentence in Chinese that says what is wrong, where, and what to do next;
    `field` names the form field that it belongs to (None: the form as a whole).
    Nothing has been written when a Refusal is raised: verbs raise before or inside `atomic`.
    """

    message = "操作未能完成。"

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        self.message = message or self.message
        self.field = field
        super().__init__(self.message)


class Conflict(Refusal):
    """Somebody else was first: the page shows an older state than the database."""

    message = "别人刚刚修改了这里的内容，请核对后再保存。"


class NotAllowed(Refusal):
    """The act is within somebody's power, but not within this person's."""

    message = "您没有办理这件事的权限。"
