"""The token: where it is read, and what it admits."""

from __future__ import annotations

import pytest

from gankit.errors import ConfigError
from gankit.serving.access import Token, read_token

SECRET = "correct-horse-battery"


def test_only_the_token_is_admitted():
    token = Token(SECRET)
    assert token.admits(f"Bearer {SECRET}".encode())
    assert token.admits(f"bearer  {SECRET} ".encode())
    for wrong in ("", SECRET, f"Basic {SECRET}", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}"):
        assert not token.admits(wrong.encode())
    assert not token.admits(b"Bearer \xff\x00")


def test_it_is_read_from_a_file_or_a_variable(tmp_path, monkeypatch):
    monkeypatch.delenv("GANKIT_TOKEN", raising=False)
    assert read_token(None) is None
    monkeypatch.setenv("GANKIT_TOKEN", SECRET)
    assert read_token(None).admits(f"Bearer {SECRET}".encode())
    (tmp_path / "token").write_text("another-long-secret\n")
    token = read_token(tmp_path / "token")
    assert token.admits(b"Bearer another-long-secret")
    assert not token.admits(f"Bearer {SECRET}".encode())


@pytest.mark.parametrize("secret", ["", "short", "x" * 15, "a" * 20 + "\n" + "b", "ü" * 20])
def test_what_cannot_be_a_token_is_refused_and_not_repeated(secret, monkeypatch):
    monkeypatch.setenv("GANKIT_TOKEN", secret)
    with pytest.raises(ConfigError, match="at least 16 printable ASCII characters") as error:
        read_token(None)
    assert not secret or secret not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"token file '.*nowhere' cannot be read"):
        read_token(tmp_path / "nowhere")
