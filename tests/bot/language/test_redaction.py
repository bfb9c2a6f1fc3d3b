"""What a model must not read it does not read, what it may read it does, and what was hidden comes back."""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from bot.conversation.model import Recall, Speaker, TranscriptEvent
from bot.database import Sessions
from bot.handoff.summarising import AssistedSummariser, Material
from bot.intent.asking import content
from bot.intent.text import Reading
from bot.language.guarded import Guarded
from bot.language.redaction import Redactor, Restore
from bot.language.settings import Kind
from connectors.memory.language import ScriptedModel
from connectors.ports.language import NOBODY, Ask
from connectors.ports.people import Person
from connectors.ports.secrets import REMOVED
from knowledge.assisted import _Question, _told
from knowledge.model import Chunk, Passage
from tests.bot.language.asking import NOW, ask, guarded, parrot
from tests.bot.language.canaries import Canary, canaries

EVERYTHING: tuple[Kind, ...] = ("contacts", "numbers", "names")
USUAL: tuple[Kind, ...] = ("contacts", "numbers")
TOGETHER = 20
DANA_REYES = Person("dana", "p1", "Dana Reyes", "dana@acme.example", "UTC", "en-US")


class Off(Redactor):
    """The negative control: hides nothing."""

    def __init__(self) -> None:
        super().__init__(())

    def hide(self, texts: Sequence[str], names: object = ()) -> tuple[Sequence[str], Restore]:
        return texts, super().hide(texts)[1]


async def understood(model: Guarded, batch: Sequence[Canary]) -> None:
    """What somebody says, with quotes, what was said before, and titles."""
    own, quoted = batch[::2], batch[1::2]
    recall = Recall(DANA_REYES, question="What is the password?", summary="login code:")
    titles = ("Passwords and codes",)
    told = content(Reading("\n".join(one.text for one in own), "\n".join(one.text for one in quoted)), recall, titles, NOW.date(), {})
    await model.complete(ask(told, stable="<skills>\nunlock: Unlock an account\n</skills>"))


async def answered(model: Guarded, batch: Sequence[Canary]) -> None:
    """A question, what it is about, and what stands in articles."""
    text = "\n".join(one.text for one in batch)
    passage = Passage(Chunk("c", "a", 1, 0, "Access", f"Access:\n{text}"), "Guest wifi", "own", {}, NOW, 1.0, 1.0, 1.0)
    asked = _Question(batch[0].text, f"{batch[1].text}\n{batch[0].text}", "en")
    await model.complete(ask(json.dumps(_told(asked, DANA_REYES, [passage, passage]), ensure_ascii=False), size="large"))


async def summed_up(model: Guarded, batch: Sequence[Canary]) -> None:
    """Lines of the employee, of staff and of the bot."""
    speakers: Sequence[Speaker] = ("person", "staff", "bot")
    lines = [TranscriptEvent(str(n), "c", NOW, speakers[n % 3], one.text, "dana", seq=n) for n, one in enumerate(batch)]
    await AssistedSummariser(model).summarise(Material(lines), NOBODY)


Form = Callable[[Guarded, Sequence[Canary]], Awaitable[None]]
FORMS: Sequence[Form] = (understood, answered, summed_up)


def obliging(asked: Ask) -> object:
    """Something that has the shape."""
    return (
        {"asked": {"text": "", "lines": []}, "facts": [], "tried": [], "open": []} if "asked" in asked.shape["properties"] else {"said": ""}
    )


async def seen(kept: Sessions, given: Sequence[Canary], redactor: Redactor, forms: Sequence[Form] = FORMS) -> list[Canary]:
    """The canaries whose secret was in anything that the model read, in the forms in which it is asked, in turn."""
    inner = ScriptedModel(obliging)
    model = guarded(
        kept,
        inner=inner,
        given={"limits": {limit: {} for limit in ("turn", "conversation", "person_day", "specialist_month")}},
        redactor=redactor,
    )
    found = []
    for n, first in enumerate(range(0, len(given), TOGETHER)):
        batch = given[first : first + TOGETHER]
        await forms[n % len(forms)](model, batch)
        assert len(inner.asked) == n + 1
        read = inner.asked[-1].prompt.text + inner.asked[-1].stable + inner.asked[-1].content
        found += [one for one in batch if one.secret in read]
    return found


async def test_none_of_ten_thousand_canaries_is_read_by_a_model(kept: Sessions) -> None:
    given = list(canaries(10_000))
    assert len({one.secret for one in given}) > 9_000
    found = await seen(kept, given, Redactor(USUAL))
    assert Counter(one.kind for one in found) == {}, [one.text for one in found[:20]]


async def test_without_redaction_all_of_them_are(kept: Sessions) -> None:
    given = list(canaries(1_000))
    # A summary's lines are cleaned before they are numbered, whoever redacts.
    assert len(await seen(kept, given, Off(), (understood, answered))) >= 0.99 * len(given)


ORDINARY = (Path(__file__).parent / "ordinary.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert Redactor(USUAL).redact(text)[0] == text


def test_the_starter_articles_lose_nothing_but_contacts() -> None:
    for path in sorted((Path(__file__).parents[3] / "knowledge" / "starter").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        hidden, restore = Redactor(USUAL).redact(text)
        assert REMOVED not in hidden, path
        assert restore(hidden) == text
        assert set(re.findall(r"\[(\w+) \d+\]", hidden)) <= {"email", "phone"}, path


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Write to dana.reyes+x@acme.example or omar@acme.example", "Write to [email 1] or [email 2]"),
        ("dana@acme.example, dana@acme.example", "[email 1], [email 1]"),
        ("<mailto:dana@acme.example|dana@acme.example>", "<mailto:[email 1]|[email 1]>"),
        ("call +49 30 1234567 or (415) 555-0132", "call [phone 1] or [phone 2]"),
        ("0170 1234567, 06 12 34 56 78, 07700 900123, 98765 43210, 415-555-0132", "[phone 1], [phone 2], [phone 3], [phone 4], [phone 5]"),
        ("mobile: 5550132 77", "mobile: [phone 1]"),
        ("DE89 3704 0044 0532 0130 00 and GB29NWBK60161331926819", "[number 1] and [number 2]"),
        ("4111 1111 1111 1111 and 5500-0000-0000-0004", "[number 1] and [number 2]"),
        ("SSN 078-05-1120", "SSN [number 1]"),
        ("my SSN is 078051120, ssn 078 05 1121", "my SSN is [number 1], ssn [number 2]"),
        ("dana(at)acme.example, dana [at] acme.example or dana.reyes＠acme.example", "[email 1], [email 2] or [email 3]"),
        ("Steuer-ID 86 095 742 719, SV 15 070649 C 103", "Steuer-ID [number 1], SV [number 2]"),
        ("NIR 2 55 08 14 168 025 38", "NIR [number 1]"),
        ("NI number QQ 12 34 56 C is no number, AB 12 34 56 C is", "NI number QQ 12 34 56 C is no number, [number 1] is"),
        ("Aadhaar 2341 2341 2346, PAN ABCPE1234F", "Aadhaar [number 1], PAN [number 2]"),
        ("CPF 529.982.247-25", "CPF [number 1]"),
    ],
)
def test_contacts_and_numbers_have_placeholders_and_come_back(text: str, hidden: str) -> None:
    shown, restore = Redactor(USUAL).redact(text)
    assert shown == hidden
    assert restore(shown) == text
    assert Redactor(()).redact(text)[0] == text


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "DE89 3704 0044 0532 0130 03",
        "86 095 742 718",
        "529.982.247-26",
        "2341 2341 2347",
        "2 55 08 14 168 025 39",
        "000-12-3456",
    ],
)
def test_a_check_digit_that_is_wrong_makes_it_just_a_number(text: str) -> None:
    assert Redactor(USUAL).redact(text)[0] == text


def test_one_thing_is_the_same_in_all_of_an_ask_and_what_is_stable_never_changes() -> None:
    redactor = Redactor(USUAL)
    (stable, content), restore = redactor.hide(("desk@acme.example", "omar@acme.example wrote to desk@acme.example"))
    assert (stable, content) == ("[email 1]", "[email 2] wrote to [email 1]")
    assert restore(["[Email 2]", {"to": "[email 1]"}]) == ["omar@acme.example", {"to": "desk@acme.example"}]
    (again, other), restore = redactor.hide(("desk@acme.example", "kim@acme.example"))
    assert (again, other, restore("[email 2]")) == (stable, "[email 2]", "kim@acme.example")


def test_placeholders_that_nobody_made_come_to_nothing() -> None:
    _, restore = Redactor(USUAL).redact("dana@acme.example")
    assert restore("Ask [email 2], [phone 1] or [email 1], see [1].") == "Ask ,  or dana@acme.example, see [1]."


def test_what_looks_like_a_placeholder_is_none_of_ours() -> None:
    text = "Is [email 1] dana@acme.example? And [text 1], [PHONE 3]?"
    shown, restore = Redactor(USUAL).redact(text)
    assert shown == "Is [text 1] [email 1]? And [text 2], [text 3]?"
    assert restore(shown) == text
    (stable, content), restore = Redactor(USUAL).hide(("desk@acme.example", "[email 1]"))
    assert (stable, content, restore(content)) == ("[email 1]", "[text 1]", "[email 1]")


def test_signs_that_mark_what_is_hidden_cannot_be_smuggled_in() -> None:
    shown, restore = Redactor(USUAL).redact(f"{chr(0xF0000)} dana@acme.example")
    assert shown == " [email 1]"
    assert restore(shown) == " dana@acme.example"


def test_a_text_that_still_grows_never_shows_half_a_placeholder() -> None:
    _, restore = Redactor(USUAL).redact("people@acme.example")
    whole = "Write to [email 1] today."
    shown = [restore({"text": whole[:end]}, partial=True)["text"] for end in range(len(whole) + 1)]
    assert all("Write to people@acme.example today.".startswith(one) for one in shown)
    assert shown[-1] == "Write to people@acme.example today."


def test_names_are_hidden_where_that_is_wanted() -> None:
    (shown,), restore = Redactor(EVERYTHING).hide(("Omar Haddad and Omar are one, Omara is not.",), {"Omar", "Omar Haddad"})
    assert shown == "[name 1] and [name 2] are one, Omara is not."
    assert restore("[name 2]") == "Omar"


async def test_names_are_looked_up_only_where_they_are_hidden(kept: Sessions) -> None:
    async def names(text: str) -> frozenset[str]:
        return frozenset({"Omar"}) if "Omar" in text else frozenset()

    for kinds, read in ((["names"], "For [name 1]."), (["contacts"], "For Omar.")):
        inner = ScriptedModel(parrot)
        done = await guarded(kept, inner=inner, given={"redact": kinds}, names=names).complete(ask("For Omar."))
        assert inner.asked[0].content == read
        assert done.result == {"said": "For Omar."}


def test_secrets_never_come_back() -> None:
    shown, restore = Redactor(()).redact("my password is Sommer2024!")
    assert shown == f"my password is {REMOVED}"
    assert restore(shown) == shown


@pytest.mark.parametrize("before", ["", "A heading:\n"])
def test_json_is_hidden_value_by_value_and_stays_json(before: str) -> None:
    given = {
        "question": 'My number is\n536-22-1234, my code\n482913, and "my password is "hunter 22 abc"',
        "passages": [{"n": 1, "text": "password:"}, {"n": 2, "text": "Help:\nwifi@acme.example\n212-555-0142\tor\tdesk@acme.example"}],
        "password": "plain",
        "pin": 4821,
        "ok": True,
    }
    shown, restore = Redactor(USUAL).redact(before + json.dumps(given, ensure_ascii=False))
    assert shown.startswith(before)
    assert json.loads(shown.removeprefix(before)) == {
        "question": f'My number is\n[number 1], my code\n{REMOVED}, and "my password is {REMOVED}',
        "passages": [{"n": 1, "text": "password:"}, {"n": 2, "text": "Help:\n[email 1]\n[phone 1]\tor\t[email 2]"}],
        "password": REMOVED,
        "pin": REMOVED,
        "ok": True,
    }
    assert restore("Write to [email 1].") == "Write to wifi@acme.example."


@pytest.mark.parametrize("text", ['{"a": 1', "{}\nno JSON", "A heading:", '"{', '{"a":' * 5000])
def test_what_only_begins_like_json_is_plain_text(text: str) -> None:
    assert Redactor(USUAL).redact(f"{text} dana@acme.example")[0] == f"{text} [email 1]"


def test_marks_that_json_spells_out_cannot_be_smuggled_in() -> None:
    shown, _ = Redactor(USUAL).redact('{"\\udb80\\udc00": "\\udb80\\udc00 dana@acme.example"}')
    assert json.loads(shown) == {"": " [email 1]"}


def test_a_placeholder_with_a_number_beyond_all_numbers_comes_to_nothing_or_stays() -> None:
    _, restore = Redactor(USUAL).redact("dana@acme.example")
    assert restore(f"[email {'9' * 6}]") == ""
    assert restore(f"[email {'9' * 5000}]") == f"[email {'9' * 5000}]"


async def test_names_are_looked_for_in_the_words_of_json(kept: Sessions) -> None:
    async def names(text: str) -> frozenset[str]:
        return frozenset(re.findall(r"(?<!\w)Omar(?!\w)", text))

    inner = ScriptedModel(parrot)
    await guarded(kept, inner=inner, given={"redact": ["names"]}, names=names).complete(ask(json.dumps({"text": "For:\nOmar"})))
    assert json.loads(inner.asked[0].content) == {"text": "For:\n[name 1]"}
