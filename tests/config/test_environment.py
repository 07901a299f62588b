"""The settings of SIP over TLS as environment variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.environment import EnvironmentMistake, read


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
    ],
)
def test_a_setting_of_tls_that_cannot_be_used_says_which(
    variables: dict[str, str], said: str
) -> None:
    with pytest.raises(EnvironmentMistake, match=said):
        read(variables)
