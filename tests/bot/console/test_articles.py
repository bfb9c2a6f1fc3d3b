"""A knowledge admin drops a file, tries it, publishes it; nobody else can, and what goes wrong is a sentence."""

from typing import Any

import pytest
from aiohttp import FormData

from bot.console.articles import MAX_FILES, UPLOAD_LIMIT
from tests.bot.console.conftest import Client, Console

PTO = b"# Paid time off\n\n## Carrying over\n\nYou may carry over five unused days of PTO into the next calendar year.\n"


def form(*files: tuple[str, bytes], audience: tuple[str, ...] = ()) -> FormData:
    made = FormData()
    for selector in audience:
        made.add_field("audience", selector)
    for name, data in files:
        made.add_field("file", data, filename=name)
    return made


async def upload(client: Client, *files: tuple[str, bytes], audience: tuple[str, ...] = ()) -> tuple[int, Any]:
    response = await client.post("/api/v1/articles", data=form(*files, audience=audience))
    return response.status, await response.json()


async def test_a_file_becomes_a_draft_is_tried_published_and_retired(console: Console) -> None:
    kim = await console.enter("kim")
    status, content = await upload(kim, ("pto.md", PTO), audience=("country=US,DE", "department=IT"))
    assert status == 201
    [article] = content["articles"]
    assert (article["title"], article["state"]) == ("Paid time off", "draft")
    assert article["audience"] == "country: DE or US, department: IT"

    tried = await kim.post(f"/api/v1/articles/{article['id']}/try", json={"question": "How many unused days of PTO may I carry over?"})
    answer = await tried.json()
    assert answer["answered"] is True
    assert "five unused days" in answer["html"]
    assert answer["citations"][0]["title"] == "Paid time off"

    published = await kim.post(f"/api/v1/articles/{article['id']}/publish", json={})
    assert (await published.json())["state"] == "published"
    retired = await kim.post(f"/api/v1/articles/{article['id']}/retire", json={})
    assert (await retired.json())["state"] == "retired"


async def test_what_was_left_out_is_told_in_sentences(console: Console) -> None:
    kim = await console.enter("kim")
    _, content = await upload(kim, ("pto.md", b"---\nreview_date: 2026-01-15\n---\n<!-- hidden -->\n" + PTO))
    assert content["articles"][0]["warnings"] == [
        "Text that readers cannot see was left out. Please check where this file comes from.",
        "At the top of the file I know title, audience, updated, review and language; not read: review_date.",
    ]


async def test_a_question_that_the_article_does_not_answer_is_said_to_be_so(console: Console) -> None:
    kim = await console.enter("kim")
    _, content = await upload(kim, ("pto.md", PTO))
    tried = await kim.post(f"/api/v1/articles/{content['articles'][0]['id']}/try", json={"question": "Where is the printer?"})
    assert await tried.json() == {"answered": False, "html": "", "citations": []}


async def test_the_list_comes_with_the_words_that_an_audience_may_use(console: Console) -> None:
    kim = await console.enter("kim")
    await upload(kim, ("pto.md", PTO))
    listed = await (await kim.get("/api/v1/articles")).json()
    assert [article["source"] for article in listed["articles"]] == ["pto.md"]
    assert listed["audience"] == {"country": ["US", "DE"], "department": ["Sales", "IT"]}


@pytest.mark.parametrize(("who", "status"), [("dana", 403), ("sam", 403), ("", 401)])
async def test_only_knowledge_admins_get_in(console: Console, who: str, status: int) -> None:
    kim, other = await console.enter("kim"), await console.enter(who)
    _, content = await upload(kim, ("pto.md", PTO))
    article = content["articles"][0]["id"]
    assert (await other.get("/api/v1/articles")).status == status
    assert (await other.post("/api/v1/articles", data=form(("x.md", PTO)))).status == status
    for verb in ("try", "publish", "retire"):
        response = await other.post(f"/api/v1/articles/{article}/{verb}", json={"question": "x"})
        assert response.status == status
        assert (await response.json())["error"]
    assert [article.state.value for article in await console.library.list()] == ["draft"]


@pytest.mark.parametrize(
    ("name", "data", "audience"),
    [
        ("empty.md", b"", ()),
        ("liar.md", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", ()),
        ("tool.exe", b"MZ\x90\x00", ()),
        ("pto.md", PTO, ("country=Atlantis",)),
        ("pto.md", PTO, ("planet=earth",)),
        ("pto.md", PTO, ("nonsense",)),
    ],
)
async def test_what_cannot_become_an_article_is_refused_with_a_sentence(
    console: Console, name: str, data: bytes, audience: tuple[str, ...]
) -> None:
    kim = await console.enter("kim")
    status, content = await upload(kim, (name, data), audience=audience)
    assert status == 422
    assert content["error"].endswith(".")
    assert "{" not in content["error"]
    assert await console.library.list() == []


async def test_one_bad_file_of_several_leaves_none(console: Console) -> None:
    kim = await console.enter("kim")
    status, _ = await upload(kim, ("pto.md", PTO), ("empty.md", b""))
    assert status == 422
    assert await console.library.list() == []


async def test_an_upload_is_bounded(console: Console) -> None:
    kim = await console.enter("kim")
    assert (await upload(kim, ("big.md", b"x" * (UPLOAD_LIMIT + 1))))[0] == 413
    assert (await upload(kim, *((f"{n}.md", PTO) for n in range(MAX_FILES + 1))))[0] == 400
    assert await console.library.list() == []


async def test_a_form_without_a_file_and_a_body_that_is_no_form_are_refused(console: Console) -> None:
    kim = await console.enter("kim")
    assert (await upload(kim, audience=("country=US",)))[0] in (400, 415)
    assert (await kim.post("/api/v1/articles", json={"file": "x"})).status == 415
    broken = await kim.post("/api/v1/articles", data=b"--x\r\nnonsense", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert broken.status == 400


async def test_another_site_cannot_publish(console: Console) -> None:
    kim = await console.enter("kim")
    _, content = await upload(kim, ("pto.md", PTO))
    response = await kim.post(
        f"/api/v1/articles/{content['articles'][0]['id']}/publish", json={}, headers={"Origin": "https://evil.example"}
    )
    assert response.status == 403
    assert [article.state.value for article in await console.library.list()] == ["draft"]


async def test_unknown_articles_and_repeated_steps_are_told_apart_in_words(console: Console) -> None:
    kim = await console.enter("kim")
    for verb in ("try", "publish", "retire"):
        response = await kim.post(f"/api/v1/articles/no-such-article/{verb}", json={"question": "x"})
        assert response.status == 422
    _, content = await upload(kim, ("pto.md", PTO))
    path = f"/api/v1/articles/{content['articles'][0]['id']}/publish"
    assert (await kim.post(path, json={})).status == 200
    again = await kim.post(path, json={})
    assert again.status == 422
    assert "no draft" in (await again.json())["error"]


async def test_what_an_article_says_is_shown_without_running_it(console: Console) -> None:
    kim = await console.enter("kim")
    evil = b"# Carry over\n\nYou may carry over <img src=x onerror=alert(1)> five days [x](javascript:alert(1)) ![y](https://evil.example/p.png).\n"
    _, content = await upload(kim, ("evil.md", evil))
    tried = await kim.post(f"/api/v1/articles/{content['articles'][0]['id']}/try", json={"question": "how many days may I carry over?"})
    html = (await tried.json())["html"]
    assert "<img" not in html
    assert 'href="javascript' not in html
