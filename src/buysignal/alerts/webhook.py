"""One alert posted once: JSON, signed; what became of it decides whether it is posted again."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import time
from dataclasses import dataclass, field
from enum import Enum

from buysignal import __version__
from buysignal.alerts.address import PrivateAddressError, Target, resolved, target_of
from buysignal.alerts.signature import HEADER, sign
from buysignal.alerts.watch import Alert
from buysignal.errors import InputError


class Fate(Enum):
    """What became of one attempt."""

    TAKEN = "taken"
    REFUSED = "refused"
    AGAIN = "again"


@dataclass(frozen=True)
class Posted:
    """One attempt and, where it was not taken, why."""

    fate: Fate
    why: str = ""


def secret_of(variable: str) -> bytes:
    """Return the secret that an environment variable holds; it is said nowhere.

    Raises:
        InputError: the variable is empty or too short to be a secret.
    """
    secret = os.environ.get(variable, "").strip().encode()
    if len(secret) < 16:
        came = "is empty" if not secret else "holds fewer than 16 characters"
        raise InputError(
            f"the environment variable {variable} {came}", todo="set it to a long random text of your own"
        )
    return secret


@dataclass(frozen=True)
class Webhook:
    """A receiver of alerts.

    Attributes:
        url: http or https.
        secret: shared with the receiver.
        allow_private: it may lie inside the own network.
        timeout_s: seconds that connecting, and each piece of the answer, may take.

    Raises:
        InputError: the address is none.
    """

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    allow_private: bool = False
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        target_of(self.url)

    @property
    def target(self) -> Target:
        return target_of(self.url)

    def check(self) -> None:
        """Look the host up, so that a wrong address is said before the first alert.

        Raises:
            InputError: it is not known, or lies inside the own network.
        """
        try:
            resolved(self.target, allow_private=self.allow_private)
        except (OSError, UnicodeError) as error:
            raise InputError(
                f"the webhook's host {self.target.host} is not known: {error}", todo="look at its spelling"
            ) from error

    def post(self, alert: Alert) -> Posted:
        """Post once. Redirects are not followed: they are answers like 4xx."""
        try:
            status = self._asked(json.dumps(alert.body, allow_nan=False).encode())
        except (PrivateAddressError, ValueError) as error:
            return Posted(Fate.REFUSED, str(error).rstrip("."))
        except (OSError, http.client.HTTPException) as error:
            return Posted(Fate.AGAIN, f"{self.target.name} gave no answer: {error or type(error).__name__}")
        if 200 <= status < 300:
            return Posted(Fate.TAKEN)
        return Posted(Fate.AGAIN if status >= 500 else Fate.REFUSED, f"{self.target.name} answered {status}")

    def _asked(self, body: bytes) -> int:
        target = self.target
        numbers = resolved(target, allow_private=self.allow_private)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"buysignal/{__version__}",
            HEADER: sign(self.secret, body, int(time.time())),
        }
        connection = _Checked(target, numbers, self.timeout_s)
        try:
            connection.request("POST", target.path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()


class _Checked(http.client.HTTPConnection):
    """A connection to the first that answers of addresses that were looked up and checked before."""

    def __init__(self, target: Target, numbers: list[str], timeout_s: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout_s)
        self._target = target
        self._numbers = numbers
        self.default_port = 443 if target.secure else 80

    def connect(self) -> None:
        self.sock = self._connected()
        if self._target.secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._target.host)

    def _connected(self) -> socket.socket:
        failed: OSError | None = None
        for number in self._numbers:
            try:
                return socket.create_connection((number, self._target.port), self.timeout)
            except OSError as error:
                failed = error
        raise failed or OSError("the name has no address")
