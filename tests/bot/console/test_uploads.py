"""Many files over HTTP: begun with a list, sent one by one, looked at, cancelled, published; and by nobody else."""

import asyncio
from typing import Any

import pytest

from bot.uploads import LARGEST
from tests.bot.console.conftest import Client, Console

PATH = "/api/v1/uploads"
PAGES = {
    "handbook/a/index.md": b"# Alpha\n\nThe first page.",
    "handbook/b/index.md": b"# Beta\n\nThe second page.",
    "handbook/b/empty.md": b"",
}


async def begin(client: Client, **more: Any) -> tuple[int, Any]:
    files = [{"name": name, "size": len(data)} for name, data in PAGES.items()]
    response = await client.post(PATH, json={"files": files, **more})
    return response.status, await response.json()


async def send(client: Client, upload: str, number: int) -> int:
    return (await client.put(f"{PATH}/{upload}/files/{number}", data=list(PAGES.values())[number])).status


async def ended(client: Client, upload: str) -> Any:
    async with asyncio.timeout(20):
        while True:
            seen = await (await client.get(f"{PATH}/{upload}", params={"files": "1"})).json()
            if seen["state"] in ("done", "cancelled"):
                return seen
            await asyncio.sleep(0.005)


async def test_a_folder_is_uploaded_and_published(console: Console) -> None:
    kim = await console.enter("kim")
    status, upload = await begin(kim, audience=["country=DE"])
    assert status == 201
    assert [file["state"] for file in upload["files"]] == ["waiting"] * 3
    for number in range(3):
        assert await send(kim, upload["id"], number) == 200
    seen = await ended(kim, upload["id"])
    assert (seen["state"], seen["total"], seen["done"], seen["counts"], seen["drafts"]) == ("done", 3, 3, {"added": 2, "refused": 1}, 2)
    [refused] = seen["refused"]
    assert refused["name"] == "handbook/b/empty.md"
    assert refused["reason"] == "handbook/b/empty.md has no text in it, so there is nothing to answer from."
    assert (await kim.post(f"{PATH}/{upload['id']}/publish", json={})).status == 200
    assert (await ended(kim, upload["id"]))["counts"] == {"published": 2, "refused": 1}
    listed = (await (await kim.get("/api/v1/articles")).json())["articles"]
    assert [(one["source"], one["state"], one["audience"]) for one in listed] == [
        ("handbook/a/index.md", "published", "country: DE"),
        ("handbook/b/index.md", "published", "country: DE"),
    ]


async def test_a_draft_is_offered_for_publishing_until_it_is_none_any_more(console: Console) -> None:
    kim = await console.enter("kim")

    async def whole(pages: dict[str, bytes]) -> str:
        files = [{"name": name, "size": len(data)} for name, data in pages.items()]
        upload = await (await kim.post(PATH, json={"files": files})).json()
        for number, data in enumerate(pages.values()):
            await kim.put(f"{PATH}/{upload['id']}/files/{number}", data=data)
        await ended(kim, upload["id"])
        return str(upload["id"])

    async def drafts() -> list[int]:
        return [one["drafts"] for one in (await (await kim.get(PATH)).json())["uploads"]]

    older = await whole(PAGES)
    newer = await whole({**PAGES, "handbook/b/index.md": b"# Beta\n\nChanged."})
    assert await drafts() == [2, 1], "the changed one is published with the newer upload"
    assert (await kim.post(f"{PATH}/{older}/publish", json={})).status == 200
    await ended(kim, older)
    assert await drafts() == [1, 0]
    [left] = [one.id for one in await console.library.list() if one.state.value == "draft"]
    assert (await kim.post(f"/api/v1/articles/{left}/publish", json={})).status == 200
    assert await drafts() == [0, 0]
    pressed = await (await kim.post(f"{PATH}/{newer}/publish", json={})).json()
    assert (pressed["state"], pressed["counts"]) == ("done", {"added": 1, "unchanged": 1, "refused": 1})


async def test_it_is_cancelled(console: Console) -> None:
    kim = await console.enter("kim")
    _, upload = await begin(kim)
    assert await send(kim, upload["id"], 0) == 200
    cancelled = await kim.post(f"{PATH}/{upload['id']}/cancel", json={})
    assert cancelled.status == 200
    assert await send(kim, upload["id"], 1) == 422
    seen = await ended(kim, upload["id"])
    assert seen["state"] == "cancelled"
    assert seen["counts"]["left"] >= 2


@pytest.mark.parametrize(("who", "status"), [("dana", 403), ("sam", 403), ("", 401)])
async def test_only_knowledge_admins_get_in(console: Console, who: str, status: int) -> None:
    kim, other = await console.enter("kim"), await console.enter(who)
    _, upload = await begin(kim)
    assert (await begin(other))[0] == status
    assert (await other.get(PATH)).status == status
    assert (await other.get(f"{PATH}/{upload['id']}")).status == status
    assert await send(other, upload["id"], 0) == status
    for verb in ("cancel", "publish"):
        assert (await other.post(f"{PATH}/{upload['id']}/{verb}", json={})).status == status
    seen = await (await kim.get(PATH)).json()
    assert [(one["state"], one["mine"], one["done"]) for one in seen["uploads"]] == [("open", True, 0)]


async def test_another_site_cannot_begin_or_send(console: Console) -> None:
    kim = await console.enter("kim")
    _, upload = await begin(kim)
    evil = {"Origin": "https://evil.example"}
    assert (await kim.post(PATH, json={"files": [{"name": "a.md", "size": 1}]}, headers=evil)).status == 403
    assert (await kim.put(f"{PATH}/{upload['id']}/files/0", data=b"# Theirs", headers=evil)).status == 403


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"files": "a.md"},
        {"files": [{"name": "a.md"}]},
        {"files": [{"name": "a.md", "size": -1}]},
        {"files": [{"name": 1, "size": 1}]},
        {"files": [{"name": "a.md", "size": True}]},
        {"files": [{"name": "a.md", "size": 1}], "audience": "all"},
        {"files": [{"name": "a.md", "size": 1}], "audience": [1]},
        {"files": [{"name": "a.md", "size": 1}], "publish": "yes"},
        [],
    ],
)
async def test_what_is_no_list_of_files_is_refused(console: Console, content: Any) -> None:
    kim = await console.enter("kim")
    response = await kim.post(PATH, json=content)
    assert response.status == 400
    assert (await response.json())["error"].endswith(".")


@pytest.mark.parametrize(
    ("body", "kind"), [(b"[" * 200_000, "application/json"), (b'{"files": []}', "application/json; charset=foo"), (b"{", "text/plain")]
)
async def test_no_body_breaks_it(console: Console, body: bytes, kind: str) -> None:
    kim = await console.enter("kim")
    for path in (PATH, "/api/v1/articles/one/try"):
        response = await kim.post(path, data=body, headers={"Content-Type": kind})
        assert 400 <= response.status < 500
        assert (await response.json())["error"].endswith(".")


async def test_refusals_are_sentences(console: Console) -> None:
    kim = await console.enter("kim")
    _, upload = await begin(kim)
    large = {"files": [{"name": "a.md", "size": LARGEST + 1}, {"name": "b.md", "size": 1}, {"name": "b.md", "size": 1}]}
    refused = (await (await kim.post(PATH, json=large)).json())["refused"]
    assert [one["reason"] for one in refused] == [
        "a.md is larger than 25 MB.",
        "Another file of this upload is called b.md, too; one would replace the other.",
    ]
    for answer in (
        await kim.post(PATH, json={"files": []}),
        await kim.post(PATH, json={"files": [{"name": "a.md", "size": 1}] * 2001}),
        await kim.post(PATH, json={"files": [{"name": "a.md", "size": 1}], "audience": ["planet=earth"]}),
        await kim.get(f"{PATH}/no-such-upload"),
        missing := await kim.put(f"{PATH}/{upload['id']}/files/7", data=b"x"),
    ):
        assert answer.status == 422
        sentence = (await answer.json())["error"]
        assert sentence.endswith(".")
        assert "{" not in sentence
    assert (await missing.json())["error"] == "This upload has no such file."


async def test_a_name_can_be_anything_and_is_text(console: Console) -> None:
    kim = await console.enter("kim")
    names = ["../../etc/passwd.md", "x" * 5000 + ".md", "a\x00b\ud800\u202e.md", "<img src=x>.md", "/"]
    files = [{"name": name, "size": 5} for name in names]
    upload = await (await kim.post(PATH, json={"files": files})).json()
    for number in range(len(names)):
        assert (await kim.put(f"{PATH}/{upload['id']}/files/{number}", data=b"words")).status == 200
    seen = await ended(kim, upload["id"])
    assert seen["counts"] == {"added": 4, "refused": 1}
    assert "etc/passwd.md" in [file["name"] for file in seen["files"]]
    assert all(len(file["name"]) <= 200 for file in seen["files"])
