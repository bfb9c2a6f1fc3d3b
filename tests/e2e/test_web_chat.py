"""The web chat as people use it: the real product, real Chromium, several people at once. Pictures are left in out/."""

import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import Open
from tests.e2e.foyer import Foyer

pytestmark = pytest.mark.timeout(300)
PAYLOAD = "<img src=x onerror=alert(1)><script>alert(2)</script> ![p](https://evil.example/p.png) [x](javascript:alert(3))"


def test_one_chooses_who_one_is(window: Open) -> None:
    page = window()
    for who in ("Dana", "Omar", "Priya", "Sam", "Kim", "Vic"):
        page.see(".person", who)
    page.picture("01-sign-in")
    page.see("#find").send_keys("weber")
    page.see(".person", "Weber")
    assert page.faults() == []


def test_an_answer_comes_with_numbered_sources_and_their_age(window: Open) -> None:
    dana = window("dana")
    dana.picture("02-start")
    dana.say("How many days of PTO do I carry over?")
    dana.see("li.message .text", "up to 5 days")
    dana.see(".sources", "pto-us.md")
    dana.see(".sources .age", "updated")
    dana.see("button.cite", "1").click()
    dana.picture("03-answer")
    assert dana.faults() == []
    assert dana.complaints() == []
    assert dana.hosts() == {dana.url.removeprefix("http://")}


def test_another_country_gets_its_own_article(window: Open) -> None:
    omar = window("omar")
    omar.say("How many days of PTO do I carry over?")
    omar.see(".sources", "pto-de.md")


def test_what_no_article_covers_is_said_honestly_and_a_person_offered(window: Open) -> None:
    dana = window("dana")
    dana.say("What is the airspeed velocity of an unladen swallow?")
    dana.see("li.message .text", "I don't know")
    dana.see("button.action", "Ask a person")


def test_a_request_is_done_while_one_watches(window: Open) -> None:
    dana = window("dana")
    dana.say("I am locked out of my account, please unlock it")
    dana.see(".progress .case", "FOY-")
    dana.see(".step.done")
    dana.see(".kind-receipt", "unlocked")
    dana.picture("04-receipt")
    dana.press("Yes, solved")
    dana.say("What is happening with my request?")
    dana.see(".progress .ball", "Done")
    assert dana.faults() == []


def test_a_manager_approves_and_the_card_changes_for_both(window: Open) -> None:
    dana, priya = window("dana"), window("priya")
    dana.say("I need access to Figma as editor for 30 days")
    dana.see(".progress .ball", "Priya Nair")
    dana.picture("05-waits-for-approval")
    priya.waiting("Figma")
    priya.see(".facts", "Figma")
    priya.picture("06-approval")
    assert priya.faults() == []
    priya.press("Approve", "Go ahead")
    priya.see("li.message .bubble", "Go ahead")
    dana.see(".kind-receipt", "Figma")
    priya.gone(".waiting .item")
    dana.press("Undo")
    dana.see(".progress .ball", "Undone")
    dana.picture("07-undone")


def test_a_refusal_needs_a_reason_and_reaches_the_employee(window: Open) -> None:
    omar, priya = window("omar"), window("priya")
    omar.say("I need access to Figma as editor for 30 days")
    omar.see(".progress .ball", "Priya Nair")
    priya.waiting("Figma")
    priya.press("Deny")
    priya.picture("08-reason")
    priya.press("Deny", "Ask me again next quarter")
    omar.see("li.message", "Denied by Priya Nair")


def test_a_missing_fact_is_asked_for_and_never_mind_ends_it(window: Open) -> None:
    omar = window("omar")
    omar.say("I need access to an application")
    omar.see("li.message .text", "?")
    omar.say("never mind")
    omar.see("li.message", "cancel")


def test_a_person_takes_over_and_notes_stay_inside(window: Open) -> None:
    dana, sam = window("dana"), window("sam")
    dana.say("My VPN drops every five minutes")
    dana.see("li.message.theirs")
    dana.say("I want to talk to a person")
    dana.see("li.message .kind-handoff", "asked")
    sam.waiting("FOY-")
    sam.see(".kind-handoff .facts", "Dana Whitfield")
    sam.see(".transcript summary").click()
    sam.see(".transcript li", "VPN drops")
    sam.picture("09-handoff")
    assert sam.faults() == []
    sam.press("Claim")
    dana.see("li.message", "Sam Okoye")
    sam.press("Note", "Looks like the old client, keep this between us")
    sam.press("Reply", "Hi Dana, may I update your client now?")
    dana.see("li.message.staff", "may I update your client")
    dana.see("li.message.staff .author", "Sam Okoye")
    dana.picture("10-staff-answers")
    dana.say("Yes please")
    sam.see("li.message", "Yes please")
    sam.press("Resolve", "Updated the VPN client")
    dana.see("li.message", "Updated the VPN client")
    assert "between us" not in dana.text()


def test_a_password_never_passes_through_the_chat(window: Open) -> None:
    dana = window("dana")
    dana.say("I forgot my password, please reset it")
    dana.see(".progress .ball", "confirm")
    mail, chat = dana.see(".side button.row", "Your mail"), dana.driver.current_window_handle
    mail.click()
    dana.click(".mail a")
    follow(dana)
    dana.see("h1", "was this you?")
    dana.picture("11-step-up")
    assert dana.faults() == []
    dana.see("button.yes").click()
    dana.see("h1", "Thank you")
    dana.driver.close()
    dana.driver.switch_to.window(chat)
    dana.see(".kind-receipt", "link")
    dana.picture("12-mail")
    assert "/sandbox/reset/" not in dana.see("#dialogue").text
    dana.see(".mail", "Set a new password").find_element("css selector", "a").click()
    follow(dana)
    dana.see("h1", "Choose a new password")
    dana.picture("13-other-company")
    for name in ("#password", "#again"):
        dana.see(name).send_keys("a river of 7 stones")
    dana.see("button", "Set password").click()
    dana.see("h1", "Password changed")


def follow(page: object) -> None:
    """Goes to the tab that was opened last."""
    driver = page.driver  # type: ignore[attr-defined]
    driver.switch_to.window(driver.window_handles[-1])


def test_an_article_is_dropped_tried_published_and_answered_from(window: Open, tmp_path: Path) -> None:
    kim, omar = window("kim"), window("omar")
    article = tmp_path / "bicycle-leasing.md"
    article.write_text(
        "# Bicycle leasing\n\n## Duration\n\nA bicycle lease runs for 36 months.\n\n## Cost\n\nThe rate is deducted from the salary.\n"
    )
    kim.see(".side a.row", "Articles").click()
    kim.see('[aria-label="country"] .chip', "DE").click()
    kim.driver.find_element("css selector", "#files").send_keys(str(article))
    kim.see(".upload-status", "draft now")
    draft = '[data-source="bicycle-leasing.md"]'
    kim.see(f"{draft} .try input").send_keys("How many months does a bicycle lease run?")
    kim.see(f"{draft} .try button").click()
    kim.see(f"{draft} .trial", "36 months")
    kim.picture("14-article")
    assert kim.faults() == []
    kim.see(f"{draft} button.primary", "Publish").click()
    kim.see(f"{draft} .tag", "Published")
    omar.say("How many months does a bicycle lease run?")
    omar.see("li.message .text", "36 months")
    dana = window("dana")
    dana.say("How many months does a bicycle lease run?")
    dana.see("li.message .text", "I don't know")


def test_hostile_text_is_shown_and_nothing_of_it_happens(window: Open, tmp_path: Path) -> None:
    kim = window("kim")
    kim.say(PAYLOAD)
    kim.see("li.message.mine .bubble", "<img src=x")
    kim.see("li.message.theirs")
    article = tmp_path / "zebra-crossing.md"
    article.write_text(f"# Zebra {PAYLOAD}\n\nThe zebra crossing opens at nine. {PAYLOAD}\n")
    kim.see(".side a.row", "Articles").click()
    kim.see(".drop")
    kim.driver.find_element("css selector", "#files").send_keys(str(article))
    kim.see('[data-source="zebra-crossing.md"] button', "Publish").click()
    kim.see('[data-source="zebra-crossing.md"] .tag', "Published")
    kim.fresh()
    kim.say("When does the zebra crossing open?")
    kim.see("li.message .text", "at nine")
    assert kim.driver.find_elements("css selector", "#dialogue img, #dialogue script, #dialogue iframe") == []
    assert not [href for href in hrefs(kim) if href.startswith("javascript:")]
    assert kim.hosts() == {kim.url.removeprefix("http://")}
    kim.see("#say")  # an open alert would make every command fail


def hrefs(page: object) -> list[str]:
    return list(page.driver.execute_script("return [...document.links].map((a) => a.href)"))  # type: ignore[attr-defined]


def test_a_power_cut_loses_nothing_and_the_page_comes_back_by_itself(window: Open, foyer: Foyer) -> None:
    dana, priya = window("dana"), window("priya")
    dana.say("I need access to GitHub as write for 14 days")
    dana.see(".progress .ball", "Priya Nair")
    foyer.stop(signal.SIGKILL)
    dana.see(".line", "Connection lost")
    foyer.start()
    dana.gone(".line")
    priya.driver.refresh()
    priya.waiting("GitHub")
    priya.press("Approve", "Fine")
    dana.see(".kind-receipt", "GitHub")


@pytest.mark.parametrize("looks", [{"width": 390, "height": 844}, {"dark": True}], ids=["phone", "dark"])
def test_it_reads_well_on_a_phone_and_in_the_dark(window: Open, looks: dict[str, int]) -> None:
    name = "phone" if "width" in looks else "dark"
    page = window("omar", **looks)
    page.picture(f"15-{name}-start")
    page.say("How many days of PTO do I carry over?")
    page.see(".sources")
    page.see("li.message.theirs time")
    page.picture(f"16-{name}-answer")
    assert page.faults() == []
    if name == "phone":
        page.see('button[aria-label="Open the menu"]').click()
        page.see(".side .new-button")
        page.picture("17-phone-menu")
        assert page.faults() == []


def test_everything_can_be_done_from_the_keyboard(window: Open) -> None:
    from selenium.webdriver.common.keys import Keys

    dana = window("dana")
    dana.say("What is the airspeed velocity of an unladen swallow?")
    dana.see("button.action", "Ask a person")
    for _ in range(40):
        focused = dana.driver.switch_to.active_element
        if "Ask a person" in focused.text:
            break
        focused.send_keys(Keys.SHIFT, Keys.TAB)
    dana.driver.switch_to.active_element.send_keys(Keys.ENTER)
    dana.see("li.message .bubble", "Ask a person")
