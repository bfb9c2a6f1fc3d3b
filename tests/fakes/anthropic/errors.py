"""An error as the API answers it."""

from typing import Any


class ApiError(Exception):
    """A status with the API's error JSON."""

    def __init__(self, message: str, *, status: int = 400, type: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type

    @property
    def body(self) -> dict[str, Any]:
        return {"type": "error", "error": {"type": self.type, "message": self.message}, "request_id": "req_fake"}
