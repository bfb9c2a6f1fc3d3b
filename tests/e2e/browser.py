"""A person in front of a real Chromium: what they can see, type and press."""

import json
import time
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

OUT = Path(__file__).parent / "out"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-device-scale-factor=1",
)
LOOKS = Path(__file__).with_name("looks.js")
WAIT_SECONDS = 20.0


class Window:
    """One browser with a profile of its own, so one person."""

    def __init__(self, url: str, profile: Path, *, width: int = 1280, height: int = 860, dark: bool = False) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        # Nothing moves under the pointer.
        features = [
            {"name": "prefers-reduced-motion", "value": "reduce"},
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.url = url

    def far(self, milliseconds: int) -> None:
        """Lets every request take at least so long, until it is called with 0."""
        wires = {"offline": False, "latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1}
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", wires)

    def enter(self, who: str) -> "Window":
        """Signs in as one of the six people."""
        self.driver.get(self.url)
        self.see(f'[data-email="{who}@acme.example"]').click()
        self.see("#say")
        return self

    def see(self, selector: str, text: str = "") -> WebElement:
        """The last element of this kind that is shown and holds this text, as soon as there is one."""

        def found(_: Any) -> WebElement | bool:
            try:
                shown = [e for e in self.driver.find_elements(By.CSS_SELECTOR, selector) if e.is_displayed()]
                return next((e for e in reversed(shown) if text.lower() in e.text.lower()), False)
            except Exception:  # redrawn under our hands: look again
                return False

        try:
            return WebDriverWait(self.driver, WAIT_SECONDS, poll_frequency=0.1).until(found)  # type: ignore[return-value]
        except TimeoutException:
            raise AssertionError(f"no {selector} with {text!r}; the page says:\n{self.text()}") from None

    def gone(self, selector: str) -> None:
        """Waits until nothing of this kind is shown."""

        def away(_: Any) -> bool:
            try:
                return not any(e.is_displayed() for e in self.driver.find_elements(By.CSS_SELECTOR, selector))
            except Exception:
                return False

        WebDriverWait(self.driver, WAIT_SECONDS, poll_frequency=0.1).until(away, f"{selector} is still there")

    def click(self, selector: str, text: str = "") -> None:
        """Presses the last such element; again when it was redrawn or scrolled away just then."""
        for _ in range(20):
            try:
                self.see(selector, text).click()
                return
            except (ElementClickInterceptedException, StaleElementReferenceException):
                time.sleep(0.1)
        self.see(selector, text).click()

    def say(self, text: str) -> None:
        box = self.see("#say")
        box.send_keys(text.replace("\n", Keys.SHIFT + Keys.ENTER + Keys.NULL))
        box.send_keys(Keys.ENTER)

    def press(self, label: str, words: str | None = None) -> None:
        """A button of the newest card that has it; with words where it asks for some."""
        self.click("li.message button.action", label)
        if words is not None:
            area = self.see(".reason textarea")
            area.send_keys(words)
            area.send_keys(Keys.CONTROL + Keys.ENTER)

    def fresh(self) -> None:
        """A new conversation."""
        self.see(".new-button").click()
        self.see(".start h1")

    def waiting(self, text: str = "") -> None:
        """Opens what waits for this person."""
        self.see(".waiting .item", text).click()
        self.see("li.message .card")

    def text(self) -> str:
        try:
            return self.driver.find_element(By.TAG_NAME, "body").text
        except Exception:
            return ""

    def picture(self, name: str) -> None:
        time.sleep(0.4)  # for the eyes only: lets a transition end
        OUT.mkdir(exist_ok=True)
        self.driver.save_screenshot(str(OUT / f"{name}.png"))

    def hosts(self) -> set[str]:
        """Every host that the page has asked for anything since this was last called."""
        found: set[str] = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url: str = message["params"]["request"]["url"]
                if url.startswith(("http:", "https:", "ws:", "wss:")):
                    found.add(url.split("/")[2])
        return found

    def complaints(self) -> list[str]:
        """What the console of the browser complains about, but for the question who is signed in."""
        return [entry["message"] for entry in self.driver.get_log("browser") if "/api/v1/me" not in entry["message"]]

    def faults(self) -> list[str]:
        """Poor contrast, controls without a name, anything wider than the screen."""
        return list(self.driver.execute_script(LOOKS.read_text(encoding="utf-8")))

    def close(self) -> None:
        self.driver.quit()
