"""Closed phrases and the forms of questions."""

import pytest

from bot.intent import acts

WORDS = acts.act_words()


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("Yes!", "yes"),
        ("yes please", "yes"),
        ("go ahead", "yes"),
        ("👍", "yes"),
        ("nope", "no"),
        ("Never mind.", "cancel"),
        ("nvm, thanks", "cancel"),
        ("undo that please", "undo"),
        ("I want a person", "human"),
        ("agent please", "human"),
        ("hey there!", "greeting"),
        ("ok thanks", "thanks"),
        ("help", "help"),
        ("great, that worked, thanks!", "solved"),
        ("still not working", "unsolved"),
        ("yes but for 60 days", None),
        ("unlock my account", None),
        ("help me log in, I forgot my password", None),
    ],
)
def test_closed_phrases(text: str, act: str | None) -> None:
    assert WORDS.act_of(text) == act


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("yes", ("Ja, bitte!", "Oui, merci.", "sí", "Sì, grazie", "Sim", "ja hoor", "D'accord", "claro que sí", "genau", "va bene")),
        ("no", ("Nein, danke", "non merci", "no, gracias", "non ancora", "Não", "nee bedankt", "pas du tout")),
        ("cancel", ("vergiss es", "laisse tomber", "olvídalo", "lascia perdere", "deixa pra lá", "laat maar", "annuler")),
        ("human", ("Ich möchte mit einem Menschen sprechen", "parler à un humain", "una persona", "falar com alguém", "een medewerker")),
        ("greeting", ("Guten Morgen!", "Bonjour", "Buenos días", "buongiorno", "Olá!", "Goedemorgen")),
        ("thanks", ("Vielen Dank!", "merci beaucoup", "Muchas gracias", "grazie mille", "muito obrigada", "dank je wel")),
    ],
)
def test_closed_phrases_of_other_languages(act: str, said: tuple[str, ...]) -> None:
    assert {text: WORDS.act_of(text) for text in said} == dict.fromkeys(said, act)


@pytest.mark.parametrize(
    "text", ["die", "prima", "bitte", "due", "in", "es", "was", "on", "nada", "sin", "mas", "ja aber nur 10 Tage", "rückgängig"]
)
def test_words_that_mean_something_else_elsewhere_close_nothing(text: str) -> None:
    assert WORDS.act_of(text) is None


@pytest.mark.parametrize(
    "text",
    ["Sicher?", "Alles klar?", "C'est correct ?", "È corretto?", "correct?", "ok?", "sure? thanks", "Yes?!", "sure? 🙂", "¿Sí?", "right??"],
)
def test_a_question_agrees_to_nothing(text: str) -> None:
    assert WORDS.act_of(text) is None
    assert WORDS.leading(text) is None


def test_other_questions_are_what_they_were() -> None:
    assert [WORDS.act_of(text) for text in ("no?", "a person?", "who are you?", "hello?", "cancel?")] == [
        "no",
        "human",
        "who",
        "greeting",
        "cancel",
    ]
    assert WORDS.leading("no, can you make it 60 days?") == "no"
    assert WORDS.act_of("Is it? Yes.") is None
    assert WORDS.act_of("pode ser") is None


def test_what_is_not_wanted_in_another_language() -> None:
    assert acts.says_no("Bitte NICHT zurücksetzen", "de") is True
    assert acts.says_no("ne pas réinitialiser", "fr") is True
    assert acts.says_no("Bitte zurücksetzen", "de") is False
    assert acts.says_no("nie resetuj", "pl") is None


def test_leading_yes_and_no() -> None:
    assert WORDS.leading("yes but for 60 days") == "yes"
    assert WORDS.leading("No, I meant GitHub") == "no"
    assert WORDS.leading("no idea") is None
    assert WORDS.leading("nothing works") is None


@pytest.mark.parametrize(
    ("text", "leading"),
    [
        ("nein danke, das brauche ich nicht mehr", "no"),
        ("Nein wirklich nicht", "no"),
        ("non merci, je vais attendre un peu", "no"),
        ("Não, isso não", "no"),
        ("nee, laat maar zo", "no"),
        ("non ho ricevuto niente", None),
        ("não recebi nada", None),
        ("non-disclosure agreement", None),
        ("ja, aber nur für 10 Tage", None),
        ("oui mais seulement jusqu'au 2", None),
    ],
)
def test_a_leading_no_of_another_language(text: str, leading: str | None) -> None:
    assert WORDS.leading(text) == leading


@pytest.mark.parametrize(("text", "case"), [("any news on FOY-12?", "FOY-12"), ("foy 7", "FOY-7"), ("foyer 7", None), ("FOY", None)])
def test_cases(text: str, case: str | None) -> None:
    assert acts.case_in(text) == case


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("How do I reset my password?", "reset my password"),
        ("can you tell me how to unlock my account", "unlock my account"),
        ("what do I have to do to get access to Figma?", "get access to Figma"),
        ("how many days do I have?", None),
        ("reset my password", None),
    ],
)
def test_the_wish_inside_a_how_to(text: str, way: str | None) -> None:
    assert acts.how_to(text) == way


@pytest.mark.parametrize(
    "text",
    [
        "and in Germany?",
        "what about sick leave?",
        "how long does that take?",
        "is it the same for interns?",
        "until when?",
        "and why?",
        "how much?",
    ],
)
def test_what_leans_on_the_question_before(text: str) -> None:
    assert acts.leans(text)


@pytest.mark.parametrize(
    "text", ["how many sick days do we get?", "reset my password", "what does our health insurance cover in Germany and France?"]
)
def test_what_stands_alone(text: str) -> None:
    assert not acts.leans(text)


def test_what_is_not_wanted() -> None:
    for text in (
        "don't reset my password",
        "I no longer need access",
        "I don't need a laptop",
        "please cancel my vacation",
        "revoke my access",
    ):
        assert acts.negated(text), text
    for text in ("I don't have access to Figma", "my password does not work", "I can't log in", "I need a return label"):
        assert not acts.negated(text), text


def test_ordinals() -> None:
    assert [acts.ordinal(text, 3) for text in ("the second one", "1", "last", "option 3", "4", "second thoughts")] == [
        1,
        0,
        2,
        2,
        None,
        None,
    ]


def test_urgency() -> None:
    assert acts.urgent("unlock me ASAP")
    assert not acts.urgent("whenever you have time")
