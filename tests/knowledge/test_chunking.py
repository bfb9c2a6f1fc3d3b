"""Chunks follow the article's structure."""

from hypothesis import given
from hypothesis import strategies as st

from knowledge.chunking import MAX_WORDS, blocks, cut, embedding_text
from knowledge.text import plain, words

SENTENCE = "Employees may take this kind of leave whenever their manager has agreed to it. "


def test_a_chunk_stands_under_its_headings() -> None:
    body = (
        f"# Leave\n\n{SENTENCE * 3}\n\n## Carry-over\n\n{SENTENCE * 2}\n\n### Deadlines\n\n{SENTENCE * 2}\n\n## Requests\n\n{SENTENCE * 2}"
    )
    assert [piece.section for piece in cut(body, "Leave")] == ["", "Carry-over", "Carry-over › Deadlines", "Requests"]


def test_a_tiny_section_joins_the_next_one_and_keeps_its_heading() -> None:
    (piece,) = cut("## One\n\nShort.\n\n## Two\n\nShort as well.", "T")
    assert piece.section == "One"
    assert piece.text == "Short.\n\n## Two\n\nShort as well."


def test_a_heading_without_text_is_a_line_of_the_next_piece_or_of_the_last() -> None:
    (piece,) = cut(f"## The assembly point is the north gate\n\n## Lunch\n\n{SENTENCE * 2}", "T")
    assert piece.section == "Lunch"
    assert piece.text.startswith("The assembly point is the north gate\n\nEmployees may")
    pieces = cut(f"## Lunch\n\n{SENTENCE * 2}\n\n## The assembly point is the north gate", "T")
    assert [piece.section for piece in pieces] == ["Lunch"]
    assert pieces[0].text.endswith("\n\nThe assembly point is the north gate")
    (deck,) = cut("# Goals\n\n## More customers\n\n## Fewer meetings", "T")
    assert set(words(f"{deck.section} {deck.text}")) == {"goals", "more", "customers", "fewer", "meetings"}
    assert all(len(piece.text.split()) <= MAX_WORDS for piece in cut("## A slide with a title alone\n\n" * 60, "T"))


def test_long_text_is_cut_between_sentences() -> None:
    pieces = cut(SENTENCE * 40, "T")
    assert len(pieces) > 2
    assert all(piece.text.endswith("agreed to it.") for piece in pieces)
    assert all(len(piece.text.split()) <= MAX_WORDS for piece in pieces)


def test_a_list_stays_with_the_line_that_leads_to_it() -> None:
    steps = "\n".join(f"{number}. Do the step with number {number} and wait for it to end." for number in range(1, 9))
    pieces = cut(f"{SENTENCE * 8}\n\nTo connect:\n\n{steps}", "T")
    assert pieces[-1].text.startswith("To connect:\n\n1. Do")
    assert pieces[-1].text.endswith("8 and wait for it to end.")


def test_every_part_of_a_long_list_says_what_it_lists() -> None:
    items = "\n".join(f"- The thing with number {number}, which is of use to those who have none yet." for number in range(40))
    pieces = cut(f"{SENTENCE * 8}\n\nYou may buy:\n\n{items}\n\n{SENTENCE * 8}", "T")
    parts = [piece.text for piece in pieces if "- The thing" in piece.text]
    assert len(parts) > 2
    assert all(part.startswith("You may buy:\n\n- The thing") for part in parts)
    assert sum(part.count("- The thing") for part in parts) == 40


def test_a_long_table_repeats_its_header() -> None:
    rows = "\n".join(f"| Office {number} | it is open from seven in the morning until eight in the evening |" for number in range(60))
    pieces = cut(f"| Office | Hours |\n| --- | --- |\n{rows}", "T")
    assert len(pieces) > 1
    assert all(piece.text.startswith("| Office | Hours |\n| --- | --- |\n| Office") for piece in pieces)


def test_what_is_embedded_names_title_and_section() -> None:
    assert (
        embedding_text("PTO *policy*", "Carry-over", "Up to **5** days, see [here](https://x).")
        == "PTO policy\nCarry-over\nUp to 5 days, see here."
    )


_blocks = st.lists(
    st.one_of(
        st.text("ab cd.:|-#*1\n", min_size=1, max_size=60),
        st.sampled_from(
            ["# H", "## H2", "- a\n- b\n  - c", "1. x\n2. y", "| a | b |\n| - | - |\n| 1 | 2 |", "```\ncode\n```", SENTENCE * 15]
        ),
    ),
    max_size=12,
)


@given(_blocks)
def test_no_word_of_the_text_or_a_heading_is_lost(parts: list[str]) -> None:
    body = "\n\n".join(parts)
    kept = " ".join(f"{piece.section} {piece.text}" for piece in cut(body, "T"))
    expected = [word for block in blocks(body) for word in words(plain(block.text) if block.kind == "heading" else block.text)]
    assert set(expected) <= set(words(kept))
