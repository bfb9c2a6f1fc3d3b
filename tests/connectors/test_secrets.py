"""Secrets that people type are not kept; ordinary sentences about them are."""

import pytest

from connectors.ports.secrets import REMOVED, names_secret, without_secrets


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("my password is hunter2, please reset it", "hunter2"),
        ("Password: Tr0ub4dor&3", "Tr0ub4dor&3"),
        ('the pw was "correct-horse"', "correct-horse"),
        ("the verification code is 492817", "492817"),
        ("pin=0815", "0815"),
        ("here: xoxb-1234567890-abcdefghij", "xoxb-1234567890-abcdefghij"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
        ("I typed Winter#2026 as the password", "Winter#2026"),
        ('I typed "Winter#2026" as the password', "Winter#2026"),
        ("pass: Tr0ub4dor&3", "Tr0ub4dor&3"),
        ("pass is Tr0ub4dor&3", "Tr0ub4dor&3"),
        ("DB_PASSWORD=Tr0ub4dor", "Tr0ub4dor"),
        ("PGPASSWORD=Tr0ub4dor psql", "Tr0ub4dor"),
        ("dbPassword: Tr0ub4dor", "Tr0ub4dor"),
        ("Netzwerkpasswort: Tr0ub4dor", "Tr0ub4dor"),
        ("<password>abc123xyz</password>", "abc123xyz"),
        ('<db:user-password enc="no">plainword</db:user-password>', "plainword"),
        ('{"db_password": "abc123xyz"}', "abc123xyz"),
        ("db:\n  admin-password: abc123xyz", "abc123xyz"),
        ("mysql -u root -pTr0ub4dor", "Tr0ub4dor"),
        ("sshpass -p Tr0ub4dor ssh x", "Tr0ub4dor"),
        ("docker login -u dana -p Tr0ub4dor", "Tr0ub4dor"),
        ("creds dana:Tr0ub4dor", "Tr0ub4dor"),
        ("the new password should be Winter#2026", "Winter#2026"),
        ("My passwords are hunter22 and hunter33", "hunter33"),
        ("пароль: qwerty77", "qwerty77"),
        ("密码是Tr0ub4dor", "Tr0ub4dor"),
        ("密码：Tr0ub4dor", "Tr0ub4dor"),
        ("パスワードは Tr0ub4dor です", "Tr0ub4dor"),
        ("비밀번호는 Tr0ub4dor", "Tr0ub4dor"),
        ("hasło: Kot12345", "Kot12345"),
        ("adgangskode Kot12345", "Kot12345"),
    ],
)
def test_a_secret_is_removed(text: str, secret: str) -> None:
    cleaned = without_secrets(text)
    assert REMOVED in cleaned
    assert secret not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password",
        "my password is not working",
        "my password is expired, reset it",
        "what is the password policy?",
        "what is the wifi password for guests?",
        "the door code is wrong",
        "my pin is locked",
        "My boarding pass is invalid",
        "Test results: pass: everything, fail: nothing",
        "The password should be changed each year, and passwords should be 12-character ones",
        "My passwords are gone and forgotten",
        "use mkdir -p projects and cp -p files",
        "The <password> field is empty, and so is the token field",
        "密码 2026-11-21 过期",
        "パスワードを忘れました",
        "Я забыл пароль от почты",
        "Nie pamiętam hasła do poczty",
        "",
    ],
)
def test_talking_about_one_is_not_one(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize(("name", "secret"), [("password", True), ("db_password", True), ("client-secret", True), ("API key", True)])
@pytest.mark.parametrize("other", ["text", "question", "title", "number", "asker", "passages", "country"])
def test_a_name_says_whether_a_secret_stands_under_it(name: str, secret: bool, other: str) -> None:
    assert names_secret(name) is secret
    assert not names_secret(other)
