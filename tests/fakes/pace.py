"""No pace at all, unless told that it is nobody's turn."""

from shared.domain.errors import OutOfTurn


class FreePace:
    """Implements `ports.pace.Pace`. `kept` counts the turns that were taken."""

    def __init__(self) -> None:
        self.kept = 0
        self.busy_for_seconds: float | None = None

    def keep(self, *, patient: bool = True) -> None:
        if self.busy_for_seconds is not None:
            raise OutOfTurn("a neighbour", retry_after_seconds=self.busy_for_seconds)
        self.kept += 1
