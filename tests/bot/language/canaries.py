"""Secrets that no model may read, as people write them: made from a seed, in messages and in articles, in several languages.

A canary is a text and what must not be left of it. Nothing here knows the patterns that find them.
"""

import base64
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ALNUM, HEX, BASE62 = string.ascii_uppercase + string.digits, "0123456789abcdef", string.ascii_letters + string.digits
URLSAFE = BASE62 + "-_"
WORDS = (
    "Sommer",
    "winter",
    "Dragon",
    "berlin",
    "Tiger",
    "coffee",
    "Madrid",
    "paris",
    "Hunter",
    "monkey",
    "Acme",
    "welcome",
    "Schalke",
    "soleil",
)
PLAIN = ("sunshine", "dragonfly", "liverpool", "schokolade", "soleil", "mariposa", "letmein", "iloveyou")


@dataclass(frozen=True)
class Canary:
    kind: str
    text: str
    secret: str


class Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def some(self, alphabet: str, least: int, most: int | None = None) -> str:
        """A run of signs that has letters and digits, as what comes out of a generator."""
        while True:
            made = "".join(self.random.choices(alphabet, k=self.random.randint(least, most or least)))
            if any(sign.isdigit() for sign in made) and any(sign.isalpha() for sign in made):
                return made

    def password(self) -> str:
        """What people choose, and what a generator makes."""
        r = self.random
        match r.randrange(4):
            case 0:
                return r.choice(WORDS) + str(r.randint(10, 2030)) + r.choice(("!", "", "?", "#", "$"))
            case 1:
                return r.choice(WORDS) + r.choice("!_-.#@$%") + r.choice(WORDS) + str(r.randint(0, 99))
            case 2:
                return "".join((self.some(BASE62, 6, 10), r.choice("!#$%&*+?@^~"), self.some(BASE62, 3, 6)))
            case _:
                return r.choice(WORDS).replace("e", "3").replace("a", "4").replace("i", "1") + str(r.randint(100, 999))

    def code(self) -> str:
        digits = f"{self.random.randint(0, 999_999):06}"
        return self.random.choice(
            (digits, digits, f"{digits[:3]} {digits[3:]}", f"{digits[:3]}-{digits[3:]}", f"{self.random.randint(0, 99_999_999):08}")
        )

    def token(self) -> str:
        return self.random.choice(TOKENS)(self)

    def key(self) -> str:
        r = self.random
        body = "\n".join(base64.b64encode(r.randbytes(48)).decode() for _ in range(r.randint(2, 6)))
        kind = r.choice(
            ("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK")
        )
        return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"


TOKENS: tuple[Callable[[Maker], str], ...] = (
    lambda m: f"xoxb-{m.random.randint(10**11, 10**12)}-{m.some(BASE62, 24)}",
    lambda m: f"xapp-1-{m.some(ALNUM, 11)}-{m.some(HEX, 40)}",
    lambda m: f"sk-ant-api03-{m.some(URLSAFE, 80)}",
    lambda m: f"sk-proj-{m.some(URLSAFE, 40)}",
    lambda m: f"ghp_{m.some(BASE62, 36)}",
    lambda m: f"github_pat_{m.some(BASE62, 22)}_{m.some(BASE62, 59)}",
    lambda m: f"glpat-{m.some(URLSAFE, 20)}",
    lambda m: f"AKIA{m.some('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}",
    lambda m: m.some(BASE62 + "/+", 40),
    lambda m: f"AIza{m.some(URLSAFE, 35)}",
    lambda m: f"GOCSPX-{m.some(URLSAFE, 28)}",
    lambda m: f"sk_live_{m.some(BASE62, 24)}",
    lambda m: f"whsec_{m.some(BASE62, 32)}",
    lambda m: f"SG.{m.some(URLSAFE, 22)}.{m.some(URLSAFE, 43)}",
    lambda m: f"key-{m.some(HEX, 32)}",
    lambda m: f"npm_{m.some(BASE62, 36)}",
    lambda m: f"pypi-AgEIcHlwaS5vcmc{m.some(URLSAFE, 60)}",
    lambda m: f"dckr_pat_{m.some(URLSAFE, 27)}",
    lambda m: f"dop_v1_{m.some(HEX, 64)}",
    lambda m: f"hf_{m.some(BASE62, 34)}",
    lambda m: f"shpat_{m.some(HEX, 32)}",
    lambda m: f"dapi{m.some(HEX, 32)}",
    lambda m: f"lin_api_{m.some(BASE62, 40)}",
    lambda m: f"ATATT3xFfGF0{m.some(URLSAFE, 60)}=",
    lambda m: f"NRAK-{m.some(ALNUM, 27)}",
    lambda m: f"hvs.{m.some(BASE62, 24)}",
    lambda m: f"{m.random.randint(10**8, 10**10 - 1)}:AA{m.some(URLSAFE, 33)}",
    lambda m: f"{m.some(BASE62, 3)}8Q~{m.some(BASE62 + '._~-', 34)}",
    lambda m: f"eyJ{m.some(URLSAFE, 33)}.eyJ{m.some(URLSAFE, 60)}.{m.some(URLSAFE, 43)}",
    lambda m: m.some(HEX, 32, 64),
)

PASSWORDS = (
    "my password is {}",
    "My password is {} and it doesn't work",
    "password: {}",
    "Password = {}",
    "the password for the VPN is {}",
    "pw: {}",
    "I changed my password to {} yesterday",
    "can you log in with {} as my password?",
    "{} is my password, why is it refused?",
    "PASSWORD={}",
    'my password is "{}"',
    "my Windows password was {} until Monday",
    "username: dana, password: {}",
    "passwd {} no longer: passwd: {}",
    "my passphrase is {}",
    "My credentials are dana / {}",
    "Here is the admin password: {}",
    "the guest wifi password is `{}`",
    "token: {}",
    "mein Passwort ist {}",
    "Mein Passwort lautet {} und geht nicht",
    "Passwort: {}",
    "Das Kennwort für Outlook lautet {}",
    "Kennwort = {}",
    "ich habe das Passwort auf {} geändert",
    "{} ist mein Passwort",
    "Zugangsdaten: dana / {}",
    "Benutze {} als Passwort",
    "mon mot de passe est {}",
    "Mot de passe : {}",
    "mdp: {}",
    "le mot de passe du wifi est {}",
    "{} est mon mot de passe",
    "Identifiants : dana / {}",
    "mi contraseña es {}",
    "Contraseña: {}",
    "la contraseña de la VPN es {}",
    "{} es mi contraseña",
    "minha senha é {}",
    "clave: {}",
    "| Password | {} |",
    "- Default password: {}",
    "New laptops have the local password {0}: password is {0}.",
    '{{"user": "svc", "password": "{}"}}',
    "curl -u dana:{} https://intranet.acme.example",
    "mysql --user dana --password {}",
    "client_secret: {}",
    "api key = {}",
    "pin: {}",
)
OWN_WORDS = (
    "my password is {}",
    "mein Passwort ist {}",
    "mon mot de passe est {}",
    "mi contraseña es {}",
    "password: {}",
    "our password is {} please reset it",
)
CODES = (
    "my code is {}",
    "The verification code is {}",
    "code: {}",
    "{} is my code",
    "{} is the verification code I got",
    "OTP {}",
    "my otp: {}",
    "2FA code {}",
    "Your Acme verification code is {}. Don't share it.",
    "the authenticator shows {}",
    "I got an SMS with {}",
    "MFA: {}",
    "use the passcode {}",
    "one-time code {}",
    "G-{} is your verification code.",
    "the code that came by SMS was {}, but it is refused",
    "enter {} as the code",
    "PIN {}",
    "login code:\n{}",
    "mein Code ist {}",
    "Bestätigungscode: {}",
    "der Code aus der SMS lautet {}",
    "{} ist mein Bestätigungscode",
    "TAN {}",
    "Einmalcode {}",
    "mon code est {}",
    "Code de vérification : {}",
    "le code reçu par SMS est {}",
    "{} est mon code de vérification",
    "mi código es {}",
    "Código de verificación: {}",
    "{} es mi código",
    "el código del SMS es {}",
)
TOLD = (
    "{}",
    "token {}",
    "here is my key: {}",
    "Authorization: Bearer {}",
    "export API_TOKEN={}",
    "I pasted {} into the chat by mistake",
    "Der Schlüssel ist {}",
    "la clé : {}",
    "Set `{}` in the pipeline.",
    "https://api.acme.example/v1?access_token={}",
    "el token es {}",
    '"token": "{}"',
    "secret={}",
    "({})",
    "key: '{}'",
)
CONNECTIONS = (
    "postgres://app:{}@db.acme.example:5432/app",
    "mysql://root:{}@10.0.0.5/shop",
    "mongodb+srv://svc:{}@cluster0.acme.example/x?retryWrites=true",
    "redis://:{}@cache:6379/0",
    "amqp://guest:{}@mq.acme.example//",
    "Server=sql01;Database=hr;User Id=sa;Password={};Encrypt=true",
    "https://deploy:{}@git.acme.example/repo.git",
    "jdbc:postgresql://db/app?user=app&password={}",
    "smb://dana:{}@files/share",
    "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={}",
    "ftp://upload:{}@ftp.acme.example",
    "sqlserver://sa:{}@sql01:1433?database=hr",
)
AROUND = (
    "{}",
    "Hi, {}",
    "{} thanks",
    "Hello,\n{}\nDana",
    "## Access\n{}\nAsk it-support for more.",
    "> {}",
    "Bitte helft mir: {}",
    "Bonjour, {}",
    "Hola, {}",
    "Note. {}",
)


def canaries(count: int, seed: int = 20261121) -> Iterator[Canary]:
    """So many, in turn of every kind."""
    maker = Maker(seed)
    r = maker.random
    kinds = (_password, _code, _token, _token, _connection, _link, _recovery, _password, _code, _key)
    for n in range(count):
        kind, text, secret = kinds[n % len(kinds)](maker)
        yield Canary(kind, r.choice(AROUND).format(text) if "{" not in text else text, secret)


def _password(m: Maker) -> tuple[str, str, str]:
    if m.random.random() < 0.1:
        secret = m.random.choice(PLAIN)
        return "plain password", m.random.choice(OWN_WORDS).format(secret), secret
    secret = m.password()
    return "password", m.random.choice(PASSWORDS).format(secret, secret), secret


def _code(m: Maker) -> tuple[str, str, str]:
    secret = m.code()
    return "code", m.random.choice(CODES).format(secret), secret


def _token(m: Maker) -> tuple[str, str, str]:
    secret = m.token()
    return "token", m.random.choice(TOLD).format(secret), secret


def _connection(m: Maker) -> tuple[str, str, str]:
    secret = m.password().replace("@", "!").replace(";", "-").replace("&", "+").replace("#", "-")
    if m.random.random() < 0.3:
        secret = m.some(BASE62, 24, 40)
    return "connection", m.random.choice(CONNECTIONS).format(secret), secret


def _link(m: Maker) -> tuple[str, str, str]:
    secret = f"{m.some(URLSAFE, 43)}"
    where = (
        "https://foyer.acme.example/step-up/{}",
        "https://id.acme.example/reset?token={}",
        "http://127.0.0.1:8080/step-up/{} is this ok?",
        "https://acme.example/invite/{}",
    )
    return "link", m.random.choice(where).format(secret), secret


def _recovery(m: Maker) -> tuple[str, str, str]:
    r = m.random
    match r.randrange(4):
        case 0:
            secret = "-".join(f"{r.randint(0, 719_994):06}" for _ in range(8))
            return "recovery", f"BitLocker asks for the recovery key, I have {secret}", secret
        case 1:
            secret = "-".join(m.some(ALNUM, 4) for _ in range(6))
            return "recovery", f"FileVault: {secret}", secret
        case 2:
            secret = f"{m.some(ALNUM, 4)}-{m.some(ALNUM, 4)}"
            return (
                "recovery",
                r.choice(
                    ("my backup code is {}", "Wiederherstellungscode: {}", "recovery code {}", "mon code de récupération est {}")
                ).format(secret),
                secret,
            )
        case _:
            secret = " ".join(r.choices(("apple", "river", "stone", "candle", "orbit", "velvet", "harbor", "lemon"), k=12))
            return "recovery", f"my seed phrase is {secret}", secret


def _key(m: Maker) -> tuple[str, str, str]:
    key = m.key()
    return "key", m.random.choice(("{}", "my key:\n{}", "Hier mein Schlüssel:\n{}\nDanke")).format(key), key.split("\n")[1]
