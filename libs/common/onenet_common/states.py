"""The life of a connection: one table of allowed transitions, for every service.

A transition is named by the event that causes it. What the table does not list is refused;
callers count the refusal and change nothing.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    PENDING_APPROVAL = "PENDING_APPROVAL"
    REQUESTED = "REQUESTED"
    PROVISIONING = "PROVISIONING"
    PLANNED = "PLANNED"
    ESTABLISHED = "ESTABLISHED"
    DELETING = "DELETING"
    DELETED = "DELETED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


class DesiredState(StrEnum):
    """What the owner wants; ``PLANNED`` is a dry run."""

    ESTABLISHED = "ESTABLISHED"
    PLANNED = "PLANNED"
    DELETED = "DELETED"


class Health(StrEnum):
    """Whether packets pass, beside the state."""

    UNKNOWN = "UNKNOWN"
    UP = "UP"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


SETTLED = frozenset({State.PLANNED, State.ESTABLISHED, State.DELETED, State.REJECTED, State.FAILED})
"""States in which nothing more happens until somebody asks for it."""

LIVE = frozenset(
    {State.PENDING_APPROVAL, State.REQUESTED, State.PROVISIONING, State.ESTABLISHED, State.DELETING}
)
"""States in which a connection occupies its pair of resources."""

_S = State
TRANSITIONS: dict[str, dict[State, State]] = {
    "approval_requested": {
        _S.PLANNED: _S.PENDING_APPROVAL,
        _S.REJECTED: _S.PENDING_APPROVAL,
        _S.FAILED: _S.PENDING_APPROVAL,
        _S.ESTABLISHED: _S.ESTABLISHED,
        _S.PENDING_APPROVAL: _S.PENDING_APPROVAL,
    },
    "approved": {
        _S.PENDING_APPROVAL: _S.PENDING_APPROVAL,
        _S.ESTABLISHED: _S.ESTABLISHED,
    },
    "refused": {_S.PENDING_APPROVAL: _S.REJECTED, _S.ESTABLISHED: _S.ESTABLISHED},
    "requested": {
        _S.PENDING_APPROVAL: _S.REQUESTED,
        _S.PLANNED: _S.REQUESTED,
        _S.ESTABLISHED: _S.REQUESTED,
        _S.REJECTED: _S.REQUESTED,
        _S.FAILED: _S.REQUESTED,
    },
    "evaluated": {_S.REQUESTED: _S.PROVISIONING},
    "rejected": {_S.REQUESTED: _S.REJECTED},
    "path_refused": {_S.REQUESTED: _S.REQUESTED, _S.PROVISIONING: _S.REQUESTED},
    # An answer may overtake the step before it when the broker lost that one, so REQUESTED
    # takes them too; the generation has already told history from news.
    "planned": {_S.REQUESTED: _S.PLANNED, _S.PROVISIONING: _S.PLANNED},
    "established": {_S.REQUESTED: _S.ESTABLISHED, _S.PROVISIONING: _S.ESTABLISHED},
    "failed": {_S.REQUESTED: _S.FAILED, _S.PROVISIONING: _S.FAILED},
    # A change of an established connection that came to nothing: what stood before stands.
    "reverted": {_S.REQUESTED: _S.ESTABLISHED, _S.PROVISIONING: _S.ESTABLISHED},
    "delayed": {state: state for state in (_S.REQUESTED, _S.PROVISIONING, _S.DELETING)},
    "drifted": {_S.ESTABLISHED: _S.ESTABLISHED},
    "repaired": {_S.ESTABLISHED: _S.ESTABLISHED},
    # What stands is watched while a change of it is under way, and may be heard of before that it stands.
    "health_changed": {state: state for state in (_S.REQUESTED, _S.PROVISIONING, _S.ESTABLISHED)},
    "deletion_requested": {state: _S.DELETING for state in State if state is not _S.DELETED},
    "deleted": {_S.DELETING: _S.DELETED},
}


def after(state: State, happening: str) -> State | None:
    """The state that follows.

    Args:
        state: where the connection is.
        happening: the last word of the event's type, such as ``evaluated``.

    Returns:
        The next state, possibly the same; None when the table does not allow it.
    """
    return TRANSITIONS.get(happening, {}).get(state)
