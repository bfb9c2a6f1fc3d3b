"""One Foyer for all tests of this folder, and as many browser windows as a test wants."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import Window
from tests.e2e.foyer import Foyer


@pytest.fixture(scope="session")
def foyer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foyer]:
    running = Foyer(tmp_path_factory.mktemp("e2e") / "home")
    running.start()
    yield running
    running.stop()


Open = Callable[..., Window]


@pytest.fixture
def window(foyer: Foyer, tmp_path: Path) -> Iterator[Open]:
    """Opens a window: `window("dana")` signed in, `window()` at the sign-in page."""
    opened: list[Window] = []

    def make(who: str = "", **looks: int | bool) -> Window:
        made = Window(foyer.url, tmp_path / f"profile{len(opened)}", **looks)  # type: ignore[arg-type]
        opened.append(made)
        if who:
            return made.enter(who)
        made.driver.get(foyer.url)
        return made

    yield make
    for one in opened:
        one.close()
