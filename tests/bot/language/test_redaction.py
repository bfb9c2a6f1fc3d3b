"""What a model must not read it does not read, what it may read it does, and what was hidden comes back."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.database import Sessions
from bot.language.redaction import Redactor, Restore
from bot.language.settings import Kind
from connectors.memory.language import ScriptedModel
from connectors.ports.secrets import REMOVED
from tests.bot.language.asking import ask, guarded, parrot
from tests.bot.language.canaries import Canary, canaries

EVERYTHING: tuple[Kind, ...] = ("contacts", "numbers", "names")
USUAL: tuple[Kind, ...] = ("contacts", "numbers")
TOGETHER = 20


class Off(Redactor):
    """The negative control: hides nothing."""

    def __init__(self) -> None:
        super().__init__(())

    def hide(self, texts: Sequence[str], names: object = ()) -> tuple[Sequence[str], Restore]:
        return texts, super().hide(texts)[1]


async def seen(kept: Sessions, given: Sequence[Canary], redactor: Redactor) -> list[Canary]:
    """The canaries whose secret was in anything that the model read: half of them in what is stable, as if in an article."""
    inner = ScriptedModel(parrot)
    model = guarded(
        kept,
        inner=inner,
        given={"limits": {limit: {} for limit in ("turn", "conversation", "person_day", "specialist_month")}},
        redactor=redactor,
    )
    found = []
    for first in range(0, len(given), 2 * TOGETHER):
        batch = given[first : first + 2 * TOGETHER]
        stable, content = ("\n\n".join(one.text for one in half) for half in (batch[:TOGETHER], batch[TOGETHER:]))
        await model.complete(ask(content, stable=stable))
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
    assert len(await seen(kept, given, Off())) == len(given)


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
