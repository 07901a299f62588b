"""The settings of SIP over TLS as environment variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.environment import EnvironmentMistake, read
from runtime.server import guard_settings


def test_tls_is_listened_to_only_where_an_address_and_a_certificate_are_named(
    tmp_path: Path,
) -> None:
    pem = tmp_path / "node.pem"
    pem.write_text("")
    assert read({}).sip_tls is None
    given = read({"CALLSMITH_SIP_TLS": "[::]:5061", "CALLSMITH_TLS_CERTIFICATE": str(pem)})
    assert (given.sip_tls, given.tls_certificate) == (("::", 5061), pem)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CALLSMITH_SIP_TLS": "127.0.0.1:5061"}, "CALLSMITH_TLS_CERTIFICATE"),
        ({"CALLSMITH_TLS_KEY": "no/such.pem"}, "CALLSMITH_TLS_KEY is 'no/such.pem': no file"),
        ({"CALLSMITH_TLS_CA": "/"}, "CALLSMITH_TLS_CA is '/': no file"),
        ({"CALLSMITH_SIP_TRUSTED": "10.0.0.1/8"}, "CALLSMITH_SIP_TRUSTED: .*host bits"),
        ({"CALLSMITH_SIP_RATE": "0"}, "CALLSMITH_SIP_RATE is '0'"),
        ({"CALLSMITH_EMERGENCY": "112,sos"}, "CALLSMITH_EMERGENCY has 'sos'"),
    ],
)
def test_a_setting_of_tls_that_cannot_be_used_says_which(
    variables: dict[str, str], said: str
) -> None:
    with pytest.raises(EnvironmentMistake, match=said):
        read(variables)


def test_who_is_trusted_how_much_others_may_and_who_goes_first_are_settings() -> None:
    given = read(
        {
            "CALLSMITH_SIP_TRUSTED": "10.0.0.0/8, 2001:db8::/32",
            "CALLSMITH_SIP_RATE": "5",
            "CALLSMITH_EMERGENCY": "112",
        }
    )
    guard = guard_settings(given.sip_rate, given.sip_trusted, given.emergency)
    assert [guard.trusted(h) for h in ("10.1.2.3", "2001:db8::1", "192.0.2.1")] == [
        True,
        True,
        False,
    ]
    assert guard.rates["INVITE"] == (5, 20) and guard.emergency == {"112"}
    assert read({}).emergency is None
    assert "911" in guard_settings(50.0, (), None).emergency


def test_referring_anywhere_is_switched_on_and_only_so():
    assert not read({}).refer_anywhere
    assert read({"CALLSMITH_REFER_ANYWHERE": "1"}).refer_anywhere
    with pytest.raises(EnvironmentMistake, match="CALLSMITH_REFER_ANYWHERE"):
        read({"CALLSMITH_REFER_ANYWHERE": "yes"})
