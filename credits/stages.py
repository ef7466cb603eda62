"""The stage that a programme is in, locked and required by the verbs on its life and rules."""

from __future__ import annotations

from credits.models import Programme
from portal.refusals import Refusal


class NotNow(Refusal):
    """The programme is not in a state that allows this."""


def lock(programme: Programme) -> Programme:
    """Lock the programme against every writer, each of which shares it."""
    return Programme.objects.select_for_update().get(pk=programme.pk)


def require(programme: Programme, state: Programme.State) -> None:
    """Raise NotNow unless the programme is in this state."""
    if programme.state != state:
        raise NotNow(f"{programme}现在是“{programme.get_state_display()}”，不能这样办理。")
