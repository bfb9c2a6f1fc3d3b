"""Files of data that come with the code."""

from pathlib import Path
from typing import Any, Final

import yaml

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where the installed PyYAML has it: ten times as fast, and every start reads thousands of lines."""


def read_yaml(path: Path) -> Any:
    """Raises OSError, ValueError when it is not UTF-8, yaml.YAMLError."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - both are the safe ones
