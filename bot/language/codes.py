"""One-time codes and random strings, which are found by what stands beside them and by how they look. Pure.

More is taken for a secret here than in what is kept (`connectors.ports.secrets`): whatever a model does not read costs little, and whatever
it has read is out of the house.
"""

import re

from bot.language.identifiers import is_iban
from connectors.ports.secrets import REMOVED, without_secrets

_WORDS = (
    r"(?:[\w-]{0,30}code|passcode|codes|pins?|otp|totp|tan|2fa|mfa|authenticator|sms|one[- ]time|einmal\w*|best[äa]tigung\w*|verification"
    r"|verify|v[ée]rification|verificaci[óo]n|c[óo]digos?|codice|senha|kod|log[- ]?in number|sicherheitsnummer)"
)
_INNOCENT = re.compile(
    r"(?:\b(?:error|status|exit|return|response|http|post|postal|zip|area|country|cost|project|dress|source|promo|discount|voucher|booking"
    r"|product|tax|bar|qr|sort|bic|swift|department|charge|reason|colou?r|building|unicode|coupon|budget|account|gl|event|stop)[ -]?codes?"
    r"|(?:fehler|post|status|kosten|qr|bar|quell|projekt|farb|l[äa]nder|rabatt)-?code"
    r"|code (?:postal|source|d[’']erreur|erreur|promo|couleur|review|freeze|pays)"
    r"|c[óo]digo (?:postal|de error|fuente|de barras|promocional))$",
    re.IGNORECASE,
)
"""Codes that everybody may know: "error code 500123"."""
_OTHER_NUMBER = re.compile(
    r"\b(?:invoice|ticket|case|order|room|ext(?:ension)?|year|page|article|error|line|building|asset|laptop|since|until|version|incident|request"
    r"|rechnung|bestellung|raum|seite|fall|facture|commande|salle|factura|pedido|sala|po|budget|euros?|dollars?|eur|usd|[$€£])\b",
    re.IGNORECASE,
)
"""Between the word and the number: what the number is instead."""
_CODE = (
    r"(?:[A-Z]-)?\d{3}[ -]\d{3}(?!\d|[- ]\d)|(?:[A-Z]-)?\d{4,8}(?!\d|[-./:]\d)"
    r"|(?=[A-Z0-9-]{0,60}\d)[A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){1,8}|(?=[A-Z]{0,9}\d)(?=\d{0,9}[A-Z])[A-Z0-9]{6,10}"
)
_AFTER = re.compile(rf"(?P<word>(?i:\b{_WORDS}\b))(?P<between>[^\d\n|]{{0,40}}?\n?)(?<![\w.])(?P<code>{_CODE})(?!\w)")
_BEFORE = re.compile(
    rf"(?<![\w.-])(?P<code>{_CODE})(?!\w)(?P<word>[\"'”]?,?\s+"
    r"(?i:is|was|ist|war|est|es|é|as|als|comme|como|are|for|für|from|aus|by|per|on|in)\s+(?:\w+\s+){0,3}?"
    rf"(?i:{_WORDS})\b)"
)
_PLAIN = re.compile(r"[\s\"'“„:=]*(?:is|was|are|ist|lautet|war|est|es|é)?[\s\"'“„:=]*", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_LONG = re.compile(r"[A-Za-z0-9+/_=~.-]{20,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PARTS = re.compile(r"[^A-Za-z0-9]+")
_ORDINARY = re.compile(
    r"[A-Z]+|[a-z]*(?:[A-Z][a-z]+){0,8}\d{0,4}|\d{1,10}|[a-zA-Z]{1,6}\d{1,6}|\d{1,4}[a-zA-Z]{1,12}|[a-z]{1,6}\d{1,4}[a-z]{3,}"
)
"""Parts that words, names, versions and dates are made of."""
_RANDOM = 16
"""Letters and digits in a row, or in all parts of one string, that are no words."""


def without_any_secrets(text: str) -> str:
    """`without_secrets`, and without codes and random strings."""
    text = without_secrets(text)
    text = _AFTER.sub(_after, text)
    text = _BEFORE.sub(lambda found: REMOVED + found["word"], text)
    return _LONG.sub(lambda found: REMOVED if _is_random(found[0]) else found[0], text)


def _after(found: re.Match[str]) -> str:
    word, between, code = found["word"], found["between"], found["code"]
    before = found.string[max(0, found.start() - 20) : found.end("word")]
    after = (word + between).rstrip(" :=").removesuffix(" is").removesuffix(" est").removesuffix(" es").removesuffix(" ist")
    other = _INNOCENT.search(before) or _INNOCENT.search(after) or _OTHER_NUMBER.search(between)
    if other or (_YEAR.fullmatch(code) and not _PLAIN.fullmatch(between)):
        return found[0]
    return word + between + REMOVED


def _is_random(text: str) -> bool:
    """Whether it is made of what no words are made of."""
    if _UUID.fullmatch(text.strip("./=-")) or is_iban(text.strip("./=-")):
        return False
    odd = [part for part in _PARTS.split(text) if not _ORDINARY.fullmatch(part)]
    return sum(len(part) for part in odd) >= _RANDOM
