"""What is carried between the two sides follows its message: edits, deletions, files; once, and only its author's."""

from sqlalchemy import insert, select

from bot import tables as t
from connectors.ports.chat import Activity, ActivityKind, Address, Attachment
from connectors.ports.people import ExternalId
from specialists.tables import audit_event
from tests.scenarios.company import Company, email
from tests.scenarios.handoffs import Place, claimed, in_room, save, talk_of, texts
from tests.scenarios.test_handoff_privacy import TOLD, WORDS, handoff, own, room

DANA = Place("dana@acme.example", "with-dana")
PICTURE = Attachment("f1", "screen.png", "image/png", 1200)


async def test_an_edit_reaches_staff_marked(company: Company) -> None:
    await claimed(company)
    message = await company.say("dana", "my screen is blak")
    await company.edit("dana", message, "my screen is black")
    shown = await room(company, "sam", "it-support")
    assert "my screen is black (edited)" in shown
    assert "blak" not in shown


async def test_a_deletion_leaves_nothing_but_that_there_was_something(company: Company) -> None:
    await claimed(company)
    message = await company.say("dana", "my PIN is on the note")
    assert "PIN" in await room(company, "sam", "it-support")
    await company.delete("dana", message)
    shown = await room(company, "sam", "it-support")
    assert "PIN" not in shown
    assert "deleted this message" in shown
    await company.press("sam", "assign", "people-team")
    assert "PIN" not in await room(company, "grace", "people-team")


async def test_a_sent_reply_follows_its_message(company: Company) -> None:
    place = await claimed(company)
    message = await company.say("sam", "!reply restart at tree", **place.here)
    await company.edit("sam", message, "/reply restart at three", **place.here)
    assert [one.reply.text for one in await company.news("dana")] == ["restart at three (edited)"]
    await company.delete("sam", message, **place.here)
    (left,) = await company.news("dana")
    assert left.reply.text == "Sam Okoye deleted this message."
    assert "three" not in await own(company, "dana")
    assert "tree" not in " ".join(line for card in await cards(company) for line in card)


async def cards(company: Company) -> list[tuple[str, ...]]:
    return [one.reply.transcript for one in await company.shown("sam") if one.reply.transcript]


async def test_a_reply_stays_a_reply(company: Company) -> None:
    """Once it is out, words without the command change nothing: whoever wrote them may have meant a note."""
    place = await claimed(company)
    message = await company.say("sam", "!reply hello", **place.here)
    for words in ("what a bore", "!note what a bore", "!reply"):
        await company.edit("sam", message, words, **place.here)
        assert any("was a reply" in one.reply.text for one in await company.news("sam"))
    assert "bore" not in " ".join(await texts(company, "dana"))


async def test_a_note_stays_a_note(company: Company) -> None:
    place = await claimed(company)
    message = await company.say("sam", "she sounds upset", **place.here)
    await company.edit("sam", message, "!reply you sound upset", **place.here)
    assert any("stays a note" in one.reply.text for one in await company.news("sam"))
    assert "upset" not in " ".join(await texts(company, "dana"))
    assert "Notes (internal)" in await room(company, "sam", "it-support")
    assert "you sound upset" in await room(company, "sam", "it-support")
    await company.edit("sam", message, "!note sounds tired", **place.here)
    assert "Okoye: sounds tired" in await room(company, "sam", "it-support")
    await company.delete("sam", message, **place.here)
    assert "tired" not in await room(company, "sam", "it-support")
    assert await company.app.handoffs.notes((await handoff(company, "dana")).id) == []


async def test_the_audit_keeps_that_a_note_was_changed(company: Company) -> None:
    place = await claimed(company)
    message = await company.say("sam", "first", **place.here)
    await company.edit("sam", message, "second", **place.here)
    await company.delete("sam", message, **place.here)
    async with company.app.sessions() as session:
        events = list((await session.execute(select(audit_event.c.event).order_by(audit_event.c.id))).scalars())
    assert [e for e in events if "note" in e] == ["handoff_note", "handoff_note_edited", "handoff_note_deleted"]


async def test_only_its_author_changes_it(company: Company) -> None:
    place = await claimed(company)
    theirs = await company.say("dana", "as I said")
    reply = await company.say("sam", "!reply as we said", **place.here)
    await company.edit("omar", theirs, "never mind", thread="with-dana", room=email("dana"))
    await company.delete("noor", reply, **place.here)
    await company.edit("noor", reply, "!reply never mind", **place.here)
    assert "never mind" not in await room(company, "sam", "it-support")
    assert "as we said" in await own(company, "dana")


async def test_a_change_after_the_end_still_follows(company: Company) -> None:
    place = await claimed(company)
    message = await company.say("sam", "!reply the key is under the mat", **place.here)
    await company.press("sam", "resolve", "done")
    await company.delete("sam", message, **place.here)
    assert "mat" not in await own(company, "dana")


async def test_an_edit_that_turns_private_leaves_the_group_alone(company: Company) -> None:
    await claimed(company)
    message = await company.say("dana", "my printer is blue")
    await company.edit("dana", message, WORDS)
    assert TOLD not in " ".join(reply.text for reply in await in_room(company, "group:it-support"))
    assert TOLD not in await own(company, "sam")
    case = await handoff(company, "dana")
    assert case.sensitive == "harassment"
    await company.press("grace", "claim")
    assert TOLD in await own(company, "grace")
    # What was carried before it became private stands in the old room; what it becomes now is the claimant's alone.
    await company.edit("dana", message, "I was wrong, it is green")
    assert "green" not in " ".join(reply.text for reply in await in_room(company, "group:it-support"))
    assert "green" in await own(company, "grace")
    await company.delete("dana", message)
    assert "printer is blue" not in await room(company, "sam", "it-support")


async def test_a_private_matters_edits_are_its_claimants(company: Company) -> None:
    await company.say("dana", WORDS)
    await company.press("grace", "claim")
    message = await company.say("dana", "he is called Otto")
    await company.press("grace", "assign", "tomas@acme.example")
    await company.edit("dana", message, "he is called Oskar")
    assert "Oskar" not in await own(company, "grace")
    assert "Oskar" in await own(company, "tomas")
    assert "Oskar" not in await room(company, "grace", "people-team")


async def test_what_was_carried_is_not_carried_again(company: Company) -> None:
    """Not when it comes back as heard, nor when it is heard twice."""
    place = await claimed(company)
    message = await company.say("dana", "round and round")
    await company.say("sam", "!reply and back", **place.here)
    for key, address, who in (
        ("relay", Address("web", "local", place.room, place.thread), "sam"),
        ("relay", Address("web", "local", DANA.room, DANA.thread), "dana"),
    ):
        async with company.app.sessions() as session:
            rows = await session.connection()
            found = await rows.exec_driver_sql(f"SELECT message_id FROM card_placement WHERE card_key LIKE '{key}:%'")
            copies = [row[0] for row in found.all()]
        before = len(await in_room(company, place.room)), len(await in_room(company, DANA.room))
        for copy in copies:
            sender = ExternalId("web", "local", email(who))
            await company.app.inbox.record(Activity(copy, ActivityKind.MESSAGE, address, sender, company.clock(), "!reply round and round"))
            await company.settle()
        assert (len(await in_room(company, place.room)), len(await in_room(company, DANA.room))) == before
    case = await handoff(company, "dana")
    talk = await talk_of(company, "dana", DANA, message)
    await company.app.desk.relay(talk, case, "round and round")
    assert talk.changes.posts == []


async def test_files_of_the_employee_go_with_their_words(company: Company) -> None:
    await claimed(company)
    talk = await talk_of(company, "dana", DANA, "m1", (PICTURE,))
    await company.app.desk.relay(talk, await handoff(company, "dana"), "")
    await save(company, talk)
    carried = (await in_room(company, "group:it-support"))[-1]
    assert carried.files == (PICTURE,)
    assert "screen.png" in carried.text
    assert carried.author is not None
    assert carried.author.name.startswith("Dana")


async def test_files_of_staff_stay_unless_they_are_replied(company: Company) -> None:
    place = await claimed(company)
    desk = company.app.desk
    internal = Attachment("f2", "salary.xlsx", "application/octet-stream", 10)
    for activity, words in (("m1", ""), ("m2", "look at this"), ("m3", "!note this too"), ("m4", "!claim"), ("m5", "!reply")):
        talk = await talk_of(company, "sam", place, activity, (internal,) if words != "!reply" else ())
        await desk.hear(talk, await handoff(company, "dana"), words)
        await save(company, talk)
    assert all("f2" not in [file.id for file in reply.files] for reply in await in_room(company, DANA.room))
    assert "salary" not in " ".join(await texts(company, "dana"))
    talk = await talk_of(company, "sam", place, "m6", (PICTURE,))
    await desk.hear(talk, await handoff(company, "dana"), "!reply")
    await save(company, talk)
    sent = (await in_room(company, DANA.room))[-1]
    assert sent.files == (PICTURE,)


async def test_files_sent_before_are_on_the_card(company: Company) -> None:
    await company.say("dana", "hello")
    who = await company.app.people.by_email(email("dana"))
    assert who is not None
    conversation = await company.app.conversations.load(Address("web", "local", DANA.room, DANA.thread), who.id, company.clock())
    row = {"conversation_id": conversation.id, "person_id": who.id, "mime": "image/png", "size": 1, "at": company.clock()}
    async with company.app.sessions.begin() as session:
        await session.execute(insert(t.attachment).values(id="f1", name="screen.png", private_to=None, **row))
        await session.execute(insert(t.attachment).values(id="f3", name="letter.pdf", private_to="another", **row))
    await company.say("dana", "I want to talk to a person")
    card, _, _ = await company.offered("sam", "claim")
    assert [file.name for file in card.files] == ["screen.png"]
    assert any(field.value == "screen.png" for field in card.fields)


async def test_a_private_matters_files_are_its_claimants(company: Company) -> None:
    await company.say("dana", WORDS)
    await company.press("grace", "claim")
    talk = await talk_of(company, "dana", DANA, "m1", (PICTURE,))
    await company.app.desk.relay(talk, await handoff(company, "dana"), "this is what he wrote")
    await save(company, talk)
    assert "screen.png" in await own(company, "grace")
    assert "screen.png" not in await room(company, "grace", "people-team")


async def test_small_acknowledgements_are_for_whoever_wrote(company: Company) -> None:
    place = await claimed(company)
    for n, (who, words) in enumerate((("sam", "a note"), ("noor", "!reply hello"), ("sam", "!wave"), ("sam", "!reply hello"))):
        talk = await talk_of(company, who, place, f"m{n}")
        await company.app.desk.hear(talk, await handoff(company, "dana"), words)
        await save(company, talk)
    notices = [reply for reply in await in_room(company, place.room) if reply.kind.value == "notice"]
    said = {reply.text.split(" ")[0]: reply.only_for for reply in notices[-4:]}
    assert said == {"Noted,": email("sam"), "Sam": email("noor"), "I": email("sam"), "Sent": None}
