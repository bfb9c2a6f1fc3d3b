"""Sensitive topics in other languages: by patterns, so that no language model reads such words. English ones: test_recognizer.py."""

import pytest

from bot.intent.recognizer import Recognizer
from bot.intent.sensitive import TOPICS, by_pattern

from .assisting import assisted, result
from .conftest import recalling

SAID = {
    "self_harm": [
        "Ich will nicht mehr leben",
        "Ich denke daran, mich umzubringen",
        "Je ne veux plus vivre",
        "J'ai envie de mourir",
        "Ya no quiero vivir",
        "Quiero morirme",
        "Non voglio più vivere",
        "Penso al suicidio",
        "Não quero mais viver",
        "Quero me matar",
        "Ik wil niet meer leven",
        "Ik denk aan zelfmoord",
    ],
    "harassment": [
        "Mein Chef belästigt mich sexuell und ich habe Angst",
        "Ich werde im Team gemobbt",
        "Mon manager me harcèle tous les jours",
        "Il m'a touchée dans l'ascenseur",
        "Mi jefe me acosa",
        "Un compañero me amenazó",
        "Il mio capo mi molesta",
        "Mi ha minacciata un collega",
        "Meu chefe está me assediando",
        "Sofro assédio no trabalho",
        "Mijn baas valt me steeds lastig",
        "Ik word gepest op het werk",
    ],
    "health": [
        "Ein Kollege ist bewusstlos",
        "Ich bekomme keine Luft",
        "Quelqu'un fait une crise cardiaque",
        "Je ne peux plus respirer",
        "Un compañero tuvo un infarto",
        "Tengo ataques de pánico",
        "Una collega non respira",
        "Ho attacchi di panico",
        "Um colega desmaiou",
        "Não consigo respirar",
        "Een collega is bewusteloos",
        "Ik heb een depressie",
    ],
    "legal": [
        "Ich werde die Firma verklagen",
        "Mein Anwalt meldet sich",
        "Je vais porter plainte",
        "Mon avocat va vous contacter",
        "Voy a demandar a la empresa",
        "Mi abogado les escribirá",
        "Farò causa all'azienda",
        "Il mio avvocato vi scriverà",
        "Vou processar a empresa",
        "Meu advogado vai entrar em contato",
        "Ik ga jullie aanklagen",
        "Mijn advocaat neemt contact op",
    ],
    "security": [
        "Ich habe auf einen Phishing-Link geklickt und mein Passwort eingegeben",
        "Mein Laptop wurde im Zug gestohlen",
        "J'ai cliqué sur un lien de phishing",
        "On a volé mon ordinateur",
        "Hice clic en un enlace de phishing",
        "Me robaron el portátil",
        "Ho cliccato su un link sospetto",
        "Mi hanno rubato il portatile",
        "Cliquei num link suspeito",
        "Roubaram meu notebook",
        "Ik heb op een phishinglink geklikt",
        "Mijn laptop is gestolen",
    ],
}
ORDINARY = [
    "Wann ist die Schulung gegen sexuelle Belästigung?",
    "Wo finde ich die Mobbing-Richtlinie?",
    "Ich habe mein Passwort vergessen",
    "Ich habe mein Ladegerät verloren",
    "Mein Laptop ist kaputt",
    "Das Rechtsteam braucht Figma",
    "Ich will nicht mehr warten",
    "Ich komme nicht mehr rein, mein Kennwort ist weg",
    "Wie erkenne ich Phishing?",
    "Où est la formation sur le harcèlement ?",
    "La formation sur le harcèlement, c'est quand ?",
    "J'ai oublié mon mot de passe",
    "Mon ordinateur est lent",
    "Je meurs d'envie d'avoir Figma",
    "¿Cuándo es el curso de acoso?",
    "He olvidado mi contraseña",
    "Quiero un portátil nuevo",
    "Mi ordenador va lento",
    "Quando è il corso sulle molestie?",
    "Ho dimenticato la password",
    "Ho bisogno di un portatile",
    "Onde está a política de assédio?",
    "Qual é a política sobre assédio moral?",
    "Esqueci minha senha",
    "Preciso de um notebook novo",
    "Waar vind ik het beleid tegen pesten?",
    "Ik ben mijn wachtwoord vergeten",
    "Ik wil niet meer wachten",
    "Mijn laptop is traag",
    "the suicide prevention training",
    "legal holidays in Portugal",
]


@pytest.mark.parametrize("topic", TOPICS)
def test_sensitive_words_of_other_languages_are_known(topic: str) -> None:
    assert {text: by_pattern(text) for text in SAID[topic]} == dict.fromkeys(SAID[topic], topic)


def test_what_only_sounds_like_it_stays_ordinary() -> None:
    assert {text: by_pattern(text) for text in ORDINARY} == dict.fromkeys(ORDINARY)


async def test_no_model_reads_them(recognizer: Recognizer) -> None:
    by, model = assisted(recognizer, {}, result())
    for texts in SAID.values():
        assert (await by.recognize(f"Hallo! {texts[0]}", recalling())).sensitive is not None
    assert model.asked == []
