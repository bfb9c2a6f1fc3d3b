"""Which engine is evaluated. Apart from what evaluates it, which commands import late."""

from enum import StrEnum


class Engine(StrEnum):
    OFFLINE = "offline"
    ASSISTED = "assisted"
    BOTH = "both"

    @property
    def each(self) -> "tuple[Engine, ...]":
        """The engines that are run."""
        return (Engine.OFFLINE, Engine.ASSISTED) if self is Engine.BOTH else (self,)
