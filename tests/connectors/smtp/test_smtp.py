"""Mail to enrolled addresses, against a server that nobody here wrote: what is sent, once, and what each failure is told as."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.database import Sessions
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ports.systems import Effect
from connectors.smtp.connector import SmtpConnector
from connectors.smtp.settings import addressed
from tests.contract.over_smtp import ledger_sessions, mailing
from tests.outside.mail import mail_server

DANA = "dana@home.example"
LINK = "https://foyer.example/reset/" + "a" * 64


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Sessions]:
    async with ledger_sessions(tmp_path) as made:
        yield made


async def send(connector: SmtpConnector, key: str = "k1", **message: Any) -> Effect:
    return await connector.enrolled.send("e1001", **{"subject": "Confirm", "text": "Is it you?", "key": key, **message})


async def failed(connector: SmtpConnector, key: str = "k1") -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        await send(connector, key)
    return raised.value


class TestMessage:
    async def test_is_plain_text_that_no_machine_answers(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path) as server:
            connector = mailing(server, ledger, reply_to="it@acme.example")
            effect = await send(connector, subject="Setz ein neues Passwort – jetzt", text="Grüße, öffne den Link.", link=LINK)
            ((to, message),) = server.taken
        assert to == DANA
        assert message["To"] == DANA
        assert message["From"] == "Foyer <foyer@acme.example>"
        assert message["Reply-To"] == "it@acme.example"
        assert message["Subject"] == "Setz ein neues Passwort – jetzt"
        assert message["Message-ID"] == effect.reference
        assert message["Message-ID"].endswith("@acme.example>")
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Date"] == "Wed, 16 Sep 2026 09:30:00 +0000"
        assert message.get_content_type() == "text/plain"
        assert message.get_content().split() == f"Grüße, öffne den Link. {LINK}".split()
        assert effect.detail == {}

    async def test_a_subject_begins_no_header_of_its_own(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path) as server:
            await send(mailing(server, ledger), subject="Hello\r\nBcc: everybody@acme.example\r\n\r\nbody\x00")
            ((to, message),) = server.taken
        assert to == DANA
        assert message["Bcc"] is None
        assert message["Subject"] == "Hello Bcc: everybody@acme.example body"

    async def test_a_text_with_dots_and_long_lines_arrives_as_it_is(self, ledger: Sessions, tmp_path: Path) -> None:
        text = f".\r\n..\n.QUIT\n{'long ' * 400}"
        async with mail_server(tmp_path) as server:
            await send(mailing(server, ledger), text=text)
            ((_, message),) = server.taken
        assert message.get_content().splitlines() == text.splitlines()

    async def test_what_is_kept_of_it_is_neither_text_nor_address(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path) as server:
            connector = mailing(server, ledger)
            await send(connector, text="canary-text", link=LINK)
            assert await connector.enrolled.address("e1001") == "d•••@home.example"
        kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("ledger"))
        assert b"enrolled.send" in kept
        for canary in (b"canary-text", LINK.encode(), DANA.encode()):
            assert canary not in kept

    async def test_addresses_that_look_alike_when_masked_are_told_apart(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path) as server:
            before, after = (mailing(server, ledger, {"e1001": address}).enrolled for address in (DANA, "d.mallory@home.example"))
            assert await before.address("e1001") == await after.address("e1001")
            assert await before.fingerprint("e1001") != await after.fingerprint("e1001")

    @pytest.mark.parametrize(
        "address",
        [
            "no address",
            "x <a@b.example>, <c@home.example>",
            "a@b.example <c@home.example>",
            "a@b.example, c@home.example",
            "a@b@c\r\nRCPT TO:<x@y>",
            "dana@",
            "dänä@home.example",
        ],
    )
    async def test_an_address_that_is_none_is_refused_unshown(self, ledger: Sessions, tmp_path: Path, address: str) -> None:
        async with mail_server(tmp_path) as server:
            connector = mailing(server, ledger, {"e1001": address})
            error = await failed(connector)
            assert (type(error), error.code) == (Refused, "rejected")
            assert address not in str(error)
            assert server.taken == []

    async def test_a_domain_of_other_letters_is_written_in_plain_ones(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path) as server:
            await send(mailing(server, ledger, {"e1001": "dana@bücher.example"}))
            await send(mailing(server, ledger, {"e1001": "dana@straße.example"}), "k2")
            assert [to for to, _ in server.taken] == ["dana@xn--bcher-kva.example", "dana@xn--strae-oqa.example"]

    def test_a_name_with_a_comma_stands_in_quotes(self) -> None:
        assert addressed('"Acme, Inc." <foyer@acme.example>').display_name == "Acme, Inc."
        with pytest.raises(ValueError, match="quotes"):
            addressed("Acme, Inc. <foyer@acme.example>")


class TestOnce:
    async def test_a_lost_answer_is_repeated_under_the_same_id(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path, lose=2) as server:
            for _ in range(2):
                error = await failed(mailing(server, ledger))
                assert (type(error), error.code) == (OutcomeUnknown, "connection_lost")
            effect = await send(mailing(server, ledger))
            assert not (await send(mailing(server, ledger))).changed
            assert len(server.taken) == 3
            assert list(server.messages(DANA)) == [effect.reference]

    async def test_two_keys_are_two_messages(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path) as server:
            connector = mailing(server, ledger)
            assert (await send(connector, "k1")).reference != (await send(connector, "k2")).reference

    async def test_what_was_refused_may_be_sent_under_the_same_key(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path, answers={"RCPT": "450 4.2.1 later"}) as server:
            connector = mailing(server, ledger)
            await failed(connector)
            assert (await send(connector)).changed
            assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("command", "answer", "kind", "code"),
    [
        ("MAIL", "421 4.3.2 shutting down", Retry, "unavailable"),
        ("MAIL", "451 4.3.0 try again", Retry, "deferred"),
        ("MAIL", "530 5.7.0 authenticate first", Retry, "misconfigured"),
        ("MAIL", "553 5.7.1 not your address", Refused, "not_permitted"),
        ("RCPT", "450 4.7.1 greylisted", Retry, "deferred"),
        ("RCPT", "550 5.1.1 no such user dana@home.example", Refused, "not_enrolled"),
        ("RCPT", "550 no such user", Refused, "not_enrolled"),
        ("RCPT", "550 5.7.1 relaying denied", Refused, "not_permitted"),
        ("RCPT", "552 5.2.2 mailbox full", Refused, "rejected"),
        ("DATA", "451 4.3.0 try again", Retry, "deferred"),
        ("DATA", "554 5.6.0 looks like spam", Refused, "rejected"),
        ("DATA", "421 4.3.2 shutting down", Retry, "unavailable"),
    ],
)
async def test_an_answer_is_told_as_what_it_means(
    ledger: Sessions, tmp_path: Path, command: str, answer: str, kind: type[ConnectorError], code: str
) -> None:
    async with mail_server(tmp_path, answers={command: answer}) as server:
        connector = mailing(server, ledger)
        error = await failed(connector)
        assert (type(error), error.code) == (kind, code)
        assert answer.split()[0] in error.detail
        assert "dana" not in error.detail
        assert server.taken == []
        assert (await send(connector)).changed


class TestConnecting:
    @pytest.mark.parametrize("tls", ["starttls", "tls", "none"])
    async def test_signs_in_once_on_each_kind(self, ledger: Sessions, tmp_path: Path, tls: str) -> None:
        async with mail_server(tmp_path, tls=tls, password="pässword") as server:
            await send(mailing(server, ledger, security=tls, user="foyer", password=SecretStr("pässword")))
            assert server.sign_ins == [("PLAIN", True)]
            assert len(server.taken) == 1

    async def test_a_wrong_password_is_tried_once_and_not_shown(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path, password="right") as server:
            connector = mailing(server, ledger, user="foyer", password=SecretStr("canary-password"))
            error, _ = await asyncio.gather(failed(connector), connector.check())
            assert (type(error), error.code) == (Retry, "bad_credentials")
            assert [finding.ok for finding in await connector.check()] == [False]
            assert "canary-password" not in f"{error!r}{error.__cause__!r}{error.__context__!r}"
            assert server.sign_ins == [("PLAIN", False)]

    @pytest.mark.parametrize("tls", ["starttls", "tls"])
    @pytest.mark.parametrize("kind", ["expired", "other_name"])
    async def test_a_bad_certificate_sends_nothing(self, ledger: Sessions, tmp_path: Path, tls: str, kind: Any) -> None:
        async with mail_server(tmp_path, tls=tls, kind=kind, password="right") as server:
            error = await failed(mailing(server, ledger, security=tls, user="foyer", password=SecretStr("right")))
            assert (type(error), error.code) == (Retry, "bad_certificate")
            assert (server.taken, server.sign_ins) == ([], [])

    @pytest.mark.parametrize("tls", ["starttls", "tls"])
    async def test_an_unknown_authority_sends_nothing(self, ledger: Sessions, tmp_path: Path, tls: str) -> None:
        async with mail_server(tmp_path, tls=tls) as server:
            error = await failed(mailing(server, ledger, security=tls, ca_file=None))
            assert error.code == "bad_certificate"

    @pytest.mark.parametrize(("there", "asked"), [("none", "starttls"), ("none", "tls"), ("starttls", "none")])
    async def test_another_security_than_the_server_has_is_a_setting_to_correct(
        self, ledger: Sessions, tmp_path: Path, there: str, asked: str
    ) -> None:
        async with mail_server(tmp_path, tls=there) as server:
            error = await failed(mailing(server, ledger, security=asked, ca_file=None))
            assert (type(error), error.code) == (Retry, "misconfigured")
            assert "security" in error.detail
            assert server.taken == []

    async def test_a_server_without_a_sign_in_is_a_setting_to_correct(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path, tls="none") as server:
            error = await failed(mailing(server, ledger, security="none", user="foyer", password=SecretStr("x")))
            assert error.code == "misconfigured"
            assert "user" in error.detail

    async def test_nobody_there(self, ledger: Sessions, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        async with mail_server(tmp_path) as server:
            error = await failed(mailing(server, ledger, port=port))
        assert (type(error), error.code, error.detail) == (Retry, "unreachable", "Connection refused")

    async def test_a_server_that_says_nothing(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path, tls="none", silent=True) as server:
            error = await failed(mailing(server, ledger, security="none", timeout=0.1))
        assert (type(error), error.code, error.detail) == (Retry, "timeout", "no answer in time")


class TestCheck:
    async def test_tells_that_all_is_well_and_sends_nothing(self, ledger: Sessions, tmp_path: Path) -> None:
        async with mail_server(tmp_path, password="right") as server:
            findings = await mailing(server, ledger, user="foyer", password=SecretStr("right")).check()
            assert [finding.name for finding in findings] == ["reach", "certificate", "credentials", "rights"]
            assert [finding.ok for finding in findings if finding.name != "certificate"] == [True] * 3
            assert server.taken == []

    @pytest.mark.parametrize(
        ("settings", "name", "said"),
        [
            ({"password": SecretStr("wrong"), "user": "foyer"}, "credentials", "the server does not take user and password (535"),
            ({"ca_file": None}, "certificate", "unable to get local issuer certificate"),
            ({"port": 1}, "reach", "Connection refused"),
            ({"security": "none"}, "reach", "user: the server wants a sign-in, or security"),
            ({}, "rights", "sender, user: the server does not let this account send this"),
        ],
    )
    async def test_names_what_is_wrong_and_how_to_mend_it(
        self, ledger: Sessions, tmp_path: Path, settings: dict[str, Any], name: str, said: str
    ) -> None:
        async with mail_server(tmp_path, password="right" if "user" in settings else None) as server:
            if not settings:
                server.answers["MAIL"] = "553 5.7.1 not your address"
            (finding,) = await mailing(server, ledger, **settings).check()
            assert (finding.name, finding.ok) == (name, False)
            assert finding.found.partition(": ")[2].startswith(said)
            assert finding.mend


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sender": "nobody"}, "sender: write an address"),
        ({"sender": "a@b\r\nBcc: x@y"}, "sender: write an address"),
        ({"sender": "dänä@acme.example"}, "sender: write an address of plain letters"),
        ({"reply_to": "it@"}, "reply_to: write an address"),
        ({"security": "none", "host": "mail.acme.example"}, "for a server on this machine"),
        ({"security": "ssl"}, "security"),
        ({"user": "foyer"}, "user and password go together"),
        ({"port": 0}, "port"),
        ({"timeout": 0}, "timeout"),
        ({"ca_file": Path("/nowhere/ca.pem")}, "ca_file"),
        ({"host": "smtp://mail"}, "host"),
    ],
)
async def test_settings_that_cannot_be_are_told_in_a_sentence(ledger: Sessions, settings: dict[str, Any], said: str) -> None:
    from tests.outside.mail import MailServer

    with pytest.raises(ValueError, match=said) as raised:
        mailing(MailServer(port=25), ledger, **settings)
    assert "Value error" not in str(raised.value)
