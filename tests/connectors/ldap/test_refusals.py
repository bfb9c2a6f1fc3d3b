"""Why a directory refused a password."""

import pytest

from connectors.ldap.client import Entry
from connectors.ldap.refusals import (
    PPOLICY_CONTROL,
    Rules,
    active_directory_refusal,
    domain_rules,
    is_complex,
    openldap_refusal,
    ppolicy_error,
    settings_object_rules,
)

RULES = Rules(shortest=12, complex=True, remembers=True)
NAMES = ("dana", "Dana Whitfield")
SAID = "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0"


def entry(**attributes: str) -> Entry:
    return Entry("", {name.lower().replace("_", "-"): (value.encode(),) for name, value in attributes.items()})


class TestOpenLdap:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (3, "not_permitted"),
            (4, "not_permitted"),
            (5, "password_too_simple"),
            (6, "password_too_short"),
            (7, "password_too_young"),
            (8, "password_used_before"),
            (9, "password_too_long"),
            (1, "password_rejected"),
        ],
    )
    def test_says_it_in_a_control(self, error: int, code: str) -> None:
        # 30 03 81 01 06 is what slapd 2.5 answers.
        assert openldap_refusal({PPOLICY_CONTROL: bytes([0x30, 3, 0x81, 1, error])}) == code

    def test_a_warning_may_stand_before_the_error(self) -> None:
        assert ppolicy_error(bytes([0x30, 8, 0xA0, 3, 0x80, 1, 5, 0x81, 1, 8])) == 8

    @pytest.mark.parametrize("value", [b"", b"\x30", b"\x30\x00", b"\x30\x05\xa0\x03\x80\x01\x05", b"\x30\x03\x81\x01", b"\x04\x03abc"])
    def test_no_error_is_none(self, value: bytes) -> None:
        assert ppolicy_error(value) is None
        assert openldap_refusal({PPOLICY_CONTROL: value}) == "password_rejected"

    def test_a_server_that_does_not_say(self) -> None:
        assert openldap_refusal({}) == "password_rejected"


class TestActiveDirectory:
    @pytest.mark.parametrize(
        ("password", "rules", "hints", "code"),
        [
            ("Short-1", RULES, True, "password_too_short"),
            ("only lower letters here", RULES, True, "password_too_simple"),
            ("Whitfield-2026-again", RULES, True, "password_too_simple"),
            ("Morning-Coffee-2026", RULES, True, "password_used_before"),
            ("Morning-Coffee-2026", RULES, False, "password_rejected"),
            ("Morning-Coffee-2026", Rules(12, True, False), True, "password_rejected"),
            ("x" * 257, RULES, True, "password_too_long"),
            ("Short-1", None, True, "password_rejected"),
        ],
    )
    def test_holds_the_password_against_the_domains_rules(self, password: str, rules: Rules | None, hints: bool, code: str) -> None:
        assert active_directory_refusal(SAID, password, rules, NAMES, hints=hints) == code

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("the password is too short. It should be equal to or longer than 12 characters!", "password_too_short"),
            ("the password does not meet the complexity criteria!", "password_too_simple"),
            ("the password was already used (in history)!", "password_used_before"),
            ("password is too young to change!", "password_too_young"),
        ],
    )
    def test_samba_words_its_reasons(self, text: str, code: str) -> None:
        said = f"0000052D: Constraint violation - check_password_restrictions: {text}"
        assert active_directory_refusal(said, "Morning-Coffee-2026", None, NAMES, hints=False) == code

    @pytest.mark.parametrize(
        ("password", "complex_enough"),
        [
            ("Coffee-in-the-morning", True),
            ("coffee-in-the-morning", False),
            ("Coffee1", True),
            ("COFFEE 1", True),
            ("кофе-Coffee", True),
            ("кофе中文1", True),
            ("xDANAx-2026", False),
            ("xWhitfieldx-2026", False),
        ],
    )
    def test_three_kinds_of_characters_and_no_name(self, password: str, complex_enough: bool) -> None:
        assert is_complex(password, NAMES) is complex_enough

    def test_short_parts_of_a_name_do_not_count(self) -> None:
        assert is_complex("Jo-jumped-2026", ("jo", "Jo Li"))

    def test_reads_the_rules(self) -> None:
        assert domain_rules(entry(minPwdLength="12", pwdProperties="1", pwdHistoryLength="24")) == RULES
        assert domain_rules(entry(minPwdLength="7", pwdProperties="16")) == Rules(7, False, False)
        own = entry(msDS_MinimumPasswordLength="12", msDS_PasswordComplexityEnabled="TRUE", msDS_PasswordHistoryLength="5")
        assert settings_object_rules(own) == RULES
