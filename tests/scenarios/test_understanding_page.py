"""The reviewers' page over HTTP: only they see and decide; what is refused is a sentence."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

from bot.server import Server
from tests.scenarios.company import Company, email

ROUTES = [
    ("GET", "/lessons"),
    ("POST", "/lessons"),
    ("POST", "/lessons/x/accept"),
    ("POST", "/lessons/x/reject"),
    ("GET", "/recognition"),
    ("POST", "/recognition/retrain"),
    ("POST", "/recognition/0/activate"),
]


class Visitor:
    def __init__(self, session: ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def __call__(self, method: str, path: str, **given: Any) -> tuple[int, Any]:
        json = given if method == "POST" else None
        async with self._session.request(method, f"{self._url}/api/v1{path}", json=json, headers={"Origin": self._url}) as response:
            return response.status, await response.json()


@asynccontextmanager
async def visiting(company: Company, *people: str) -> AsyncIterator[list[Visitor]]:
    server = Server(company.app, port=0)
    await server.start()
    url = f"http://127.0.0.1:{server.bound}"
    sessions = [ClientSession(cookie_jar=CookieJar(unsafe=True)) for _ in people]
    try:
        visitors = [Visitor(session, url) for session in sessions]
        for visitor, person in zip(visitors, people, strict=True):
            if person:
                status, _ = await visitor("POST", "/session", email=email(person))
                assert status < 300
        yield visitors
    finally:
        for session in sessions:
            await session.close()
        await server.stop()


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_nobody_but_reviewers_sees_or_decides_anything(company: Company, method: str, path: str) -> None:
    async with visiting(company, "", "dana", "sam") as visitors:
        told = [await visitor(method, path, text="thaw my user", label="unlock_account") for visitor in visitors]
    assert [status for status, _ in told] == [401, 403, 403]
    assert told[1][1]["error"] == "Only knowledge admins and service owners decide what I learn."
    assert company.app.versions.serving == 0


async def test_one_proposes_another_accepts_and_what_comes_of_it_is_shown(company: Company) -> None:
    async with visiting(company, "kim", "ines") as (kim, ines):
        status, lesson = await kim("POST", "/lessons", text="thaw my user", label="unlock_account")
        assert (status, lesson["title"]) == (201, "Unlock your account")
        _, listed = await kim("GET", "/lessons")
        (mine,) = listed["lessons"]
        assert (mine["mine"], mine["by"], mine["now"]["title"]) == (True, "Kim Larsen", "Something else")
        status, refused = await kim("POST", f"/lessons/{lesson['id']}/accept")
        assert (status, refused["error"]) == (422, "You proposed that yourself: somebody else has to accept it.")
        assert (await ines("POST", f"/lessons/{lesson['id']}/accept"))[1]["state"] == "accepted"
        _, done = await ines("POST", "/recognition/retrain")
        assert (done["state"], done["why"], done["lessons"]) == ("active", None, 1)
        _, again = await ines("POST", "/recognition/retrain")
        assert "nothing new to learn" in again["error"]
        _, trained = await kim("GET", "/recognition")
        assert (trained["serving"], trained["versions"][0]["by"]) == (done["number"], "Ines Duarte")
        assert (await ines("POST", "/recognition/0/activate"))[1] == {"serving": 0}
        assert (await ines("POST", "/recognition/77/activate"))[1]["error"] == "There is no version 77."


async def test_a_lesson_says_what_the_same_words_were_accepted_as(company: Company) -> None:
    async with visiting(company, "kim", "ines") as (kim, ines):
        _, first = await kim("POST", "/lessons", text="my login is jammed", label="unlock_account")
        assert first["against"] is None
        await ines("POST", f"/lessons/{first['id']}/accept")
        _, other = await kim("POST", "/lessons", text="My login is jammed!", label="reset_password")
        assert (other["state"], other["against"]["label"]) == ("proposed", "unlock_account")
        assert "accepted as: Unlock your account" in other["against"]["text"]
        _, listed = await ines("GET", "/lessons")
        told = {one["id"]: one["against"] for one in listed["lessons"]}
        assert told == {other["id"]: other["against"], first["id"]: None}


async def test_what_is_posted_is_a_short_object(company: Company) -> None:
    async with visiting(company, "kim") as (kim,):
        assert (await kim("POST", "/lessons", text="a-" * 50_000, label="other"))[0] == 413
        status, lesson = await kim("POST", "/lessons", text="thaw " + "a-" * 20_000, label="other")
        assert (status, lesson["text"]) == (201, "thaw…")
        assert (await kim("POST", "/lessons", text=1, label="other"))[0] == 400
