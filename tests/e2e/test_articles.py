"""Many articles in a real browser: a folder is chosen, its progress seen, stopped, gone on with; what is refused is said."""

import os
import signal
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.e2e.browser import Window
from tests.e2e.conftest import Open
from tests.e2e.foyer import Foyer

MANY = 30
NEWEST = ".uploading:first-child"
FAR = 1000  # milliseconds a request, three at a time: ten seconds for all, in which there is something to stop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pages of one name in many folders, one that has no text, and a file that hides."""
    made = tmp_path / "gardens"
    for number in range(MANY):
        place = made / f"{number:02}"
        place.mkdir(parents=True)
        text = " ".join([f"The garden with the number {number} opens at {number % 12 + 1} o'clock."] * 8)
        (place / "index.md").write_text(f"# Garden {number}\n\n{text}\n")
    (made / "empty.md").write_text("")
    (made / ".hidden.md").write_text("# Hidden\n\nNobody sees this.")
    return made


def test_a_folder_is_uploaded_with_progress_cancelled_and_gone_on_with(window: Open, folder: Path) -> None:
    kim = window("kim")
    kim.see(".side a.row", "Articles").click()
    kim.see(".drop")
    kim.driver.find_element(By.CSS_SELECTOR, "#at-once").click()
    kim.far(FAR)
    kim.driver.find_element(By.CSS_SELECTOR, "#folder").send_keys(str(folder))
    kim.see(".uploading", f"of {MANY + 1}")
    kim.picture("19-upload-under-way")
    kim.click(".uploading button", "Cancel")
    kim.far(0)
    kim.see(".upload-status", "Cancelled.")
    assert "left out" in kim.see(".uploading", "Cancelled,").text
    assert all("/files/" in said and "422" in said for said in kim.complaints())  # those that were on their way
    kim.picture("19-upload-cancelled")

    kim.driver.find_element(By.CSS_SELECTOR, "#at-once").click()
    kim.driver.find_element(By.CSS_SELECTOR, "#folder").send_keys(str(folder))
    done = kim.see(NEWEST, f"Done, {MANY + 1} files")
    assert f"{MANY + 1} of {MANY + 1}" in done.text
    assert "gardens/empty.md has no text in it" in kim.see(f"{NEWEST} .refused li").text
    assert "hidden" not in done.text
    kim.picture("19-upload-done")
    assert kim.faults() == []
    kim.click(f"{NEWEST} button", "Publish all")
    kim.gone(".uploading button")  # the older box offers the same drafts no longer, either
    assert "refused" not in kim.see(".upload-status", " published").text  # what was refused before was not refused by publishing
    kim.see('[data-source="gardens/07/index.md"] .tag', "Published")
    kim.see('[data-source="gardens/29/index.md"] .tag', "Published")

    kim.driver.find_element(By.CSS_SELECTOR, "#folder").send_keys(str(folder))
    kim.see(".upload-status", f"{MANY} unchanged, 1 refused")
    assert kim.complaints() == []
    assert kim.hosts() == {kim.url.removeprefix("http://")}


def test_after_a_restart_the_page_says_so_and_adds_the_same_files_again(folder: Path, tmp_path: Path) -> None:
    foyer = Foyer(tmp_path / "home")
    foyer.start()
    kim = Window(foyer.url, tmp_path / "profile")
    try:
        kim.enter("kim").see(".side a.row", "Articles").click()
        kim.see(".drop")
        kim.driver.find_element(By.CSS_SELECTOR, "#at-once").click()
        kim.far(FAR)
        kim.driver.find_element(By.CSS_SELECTOR, "#folder").send_keys(str(folder))
        kim.see(".uploading", f"of {MANY + 1}")
        foyer.stop(signal.SIGKILL)
        kim.far(0)
        foyer.start()
        kim.see(".upload-status", "There is no such upload any more.")
        assert kim.faults() == []
        kim.picture("19-upload-after-restart")
        kim.click(".upload-status button", "Add the same files again")
        assert "gardens/empty.md has no text in it" in kim.see(f"{NEWEST} .refused li").text
        kim.see(NEWEST, f"Done, {MANY + 1} files")
        kim.see('[data-source="gardens/29/index.md"] .tag', "Published")
    finally:
        kim.close()
        foyer.stop()


def test_two_files_are_chosen_and_one_is_refused_with_a_sentence(window: Open, tmp_path: Path) -> None:
    kim = window("kim", width=400)
    kim.driver.get(f"{kim.url}/#/articles")
    kim.see(".drop")
    for name, content in (("kiosk.md", b"# Kiosk\n\nThe kiosk sells stamps."), ("tool.exe", b"MZ\x90\x00")):
        (tmp_path / name).write_bytes(content)
    kim.driver.find_element(By.CSS_SELECTOR, "#files").send_keys(os.linesep.join(str(tmp_path / name) for name in ("kiosk.md", "tool.exe")))
    kim.see(".upload-status", "One article is a draft now, 1 refused")
    assert "I can't read files such as tool.exe" in kim.see(f"{NEWEST} .refused li").text
    assert kim.faults() == []
    kim.picture("19-upload-narrow")


def test_what_a_lesson_means_is_chosen_and_what_it_contradicts_is_said(window: Open) -> None:
    kim, ines = window("kim"), window()
    ines.see("#find").send_keys("Ines")
    ines.see('[data-email="ines@acme.example"]').click()
    ines.see("#say")
    for one in (kim, ines):
        one.driver.get(f"{one.url}/#/understanding")
    kim.see(".teach")
    meaning = kim.driver.find_element(By.CSS_SELECTOR, "#lesson-label")
    words = kim.driver.find_element(By.CSS_SELECTOR, "#lesson-text")
    words.send_keys("my login is jammed")
    kim.click(".teach button", "Propose")
    assert (meaning.get_property("value"), words.get_property("value")) == ("", "my login is jammed")
    Select(meaning).select_by_visible_text("Unlock your account")
    kim.click(".teach button", "Propose")
    kim.see(".lesson", "my login is jammed")
    assert meaning.get_property("value") == ""
    ines.driver.refresh()
    ines.click(".lesson button", "Accept")
    ines.see(".lesson.state-accepted", "my login is jammed")
    words.send_keys("My login is jammed!")
    Select(meaning).select_by_visible_text("Reset your password")
    kim.click(".teach button", "Propose")
    kim.see(".lesson .problem", "accepted as: Unlock your account")
    assert kim.complaints() == []
    assert kim.faults() == []
    kim.picture("20-understanding-contradiction")
