"""The token that a server asks for, read from where other users of the machine do not see it."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from gankit.errors import ConfigError
from gankit.stored import StoredError, read_text
from gankit.text import from_home

VARIABLE = "GANKIT_TOKEN"
SHORTEST = 16


class Token:
    """A secret that a request carries as `Authorization: Bearer <token>`."""

    def __init__(self, secret: str) -> None:
        """Raises ConfigError if the secret is short, or no token can look like it."""
        if len(secret) < SHORTEST or not secret.isascii() or not secret.isprintable():
            raise ConfigError(
                f"the token must be at least {SHORTEST} printable ASCII characters, got "
                f"{len(secret)}: secrets.token_urlsafe() of Python makes one"
            )
        self._digest = _digest(secret.encode())

    def admits(self, authorization: bytes) -> bool:
        """Return whether a header's value is this token; the time it takes tells nothing of it."""
        scheme, _, given = authorization.partition(b" ")
        right = hmac.compare_digest(_digest(given.strip()), self._digest)
        return right and scheme.lower() == b"bearer"


def read_token(file: Path | None) -> Token | None:
    """Return the token in a file, or without one that of the variable `GANKIT_TOKEN`, if it is set.

    Raises ConfigError if the file cannot be read or the token cannot be one.
    """
    if file is not None:
        try:
            return Token(read_text(from_home(file), 4096).strip())
        except StoredError as error:
            raise ConfigError(f"the token file '{file}' cannot be read: {error}") from None
    secret = os.environ.get(VARIABLE)
    return None if secret is None else Token(secret.strip())


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
