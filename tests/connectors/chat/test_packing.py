"""Texts in messages of limited length: nothing is lost in silence."""

from dataclasses import replace

import pytest

from connectors.chat.markdown import Piece, pieces
from connectors.chat.packing import packed, shortened, source_words, starts
from connectors.chat.text import units
from connectors.ports.chat import Citation
from tests.connectors.slack.support import WORDING

TEXT = "\n\n".join(f"Paragraph {number}. " + "word " * 40 for number in range(12))
ROOM = 500


def test_all_of_it_is_packed_in_its_order() -> None:
    messages = packed(pieces(TEXT), ROOM)
    assert all(units(message) <= ROOM for message in messages)
    assert "\n\n".join(messages).split() == TEXT.split()


def test_what_stands_alone_begins_a_message() -> None:
    assert packed([Piece(("a",)), Piece(("b",)), replace(Piece(("c",)), alone=True)], ROOM) == ["a\n\nb", "c"]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_what_is_missing_is_counted_within_the_room(most: int) -> None:
    messages = shortened(pieces(TEXT), ROOM, WORDING, most=most)
    assert len(messages) == most
    assert all(units(message) <= ROOM for message in messages)
    said, _, missing = messages[-1].rpartition("… cut here: ")
    shown = "".join(messages[:-1]) + said
    assert abs(len(shown) + int(missing.split()[0]) - len(TEXT)) < 60


@pytest.mark.parametrize("notice", ["See the file.", "The whole text is in the file " + "x" * 200])
def test_a_notice_of_any_length_has_its_room(notice: str) -> None:
    (message,) = shortened(pieces(TEXT), ROOM, WORDING, notice=notice)
    assert units(message) <= ROOM
    assert message.endswith(notice)


def test_what_fits_is_left_alone() -> None:
    assert shortened(pieces("short"), ROOM, WORDING) == ["short"]


def test_a_source_is_worded_as_the_text_words_it_and_else_by_its_title() -> None:
    citation = Citation(1, "VPN", "vpn.md", "Set-up")
    assert starts([citation]) == ["[1] VPN"]
    assert source_words(citation, ["[2] Other", "[1] VPN, updated yesterday"]) == "VPN, updated yesterday"
    assert source_words(citation, []) == "VPN, Set-up"
    assert source_words(replace(citation, section="VPN"), []) == "VPN"
