"""Where a webhook may lie: http or https, and by default nowhere inside the own network.

The name is looked up with every attempt and the connection goes to the very address that was checked, so a
name that points elsewhere a moment later leads nowhere.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from buysignal.errors import InputError


class PrivateAddressError(InputError):
    """A webhook inside the own network, and nobody allowed it."""


@dataclass(frozen=True)
class Target:
    """A webhook's address, taken apart.

    Attributes:
        path: with the query.
    """

    secure: bool
    host: str
    port: int
    path: str

    @property
    def name(self) -> str:
        """Host and port; the path may hold a secret and is never said."""
        return f"{self.host}:{self.port}"


def target_of(url: str) -> Target:
    """Return a webhook's address.

    Raises:
        InputError: it is neither http nor https, has no host, or holds a user's name or password.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _refused("it cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise _refused("it begins with neither http:// nor https://")
    if not parts.hostname:
        raise _refused("it names no host")
    if parts.username is not None or parts.password is not None:
        raise _refused("it holds a user name or password")
    if any(ord(letter) <= 32 or ord(letter) >= 127 for letter in url.strip()):
        raise _refused("it holds blanks or letters that an address writes as %XX")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, parts.hostname, port or (443 if secure else 80), path)


def resolved(target: Target, *, allow_private: bool) -> list[str]:
    """Return the addresses to connect to, as numbers, best first.

    Raises:
        OSError: the name is not known at the moment.
        UnicodeError: it can be no name.
        PrivateAddressError: it lies inside the own network, and ``allow_private`` is false.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    numbers = [str(entry[4][0]) for entry in found]
    if not allow_private:
        for number in numbers:
            if not is_public(number):
                raise PrivateAddressError(
                    f"the webhook's host {target.host} lies inside the own network",
                    allowed="public addresses",
                    todo="allow private addresses, if this is what you want",
                )
    return numbers


def is_public(number: str) -> bool:
    """Return whether an address can be reached from everywhere.

    >>> [is_public(a) for a in ("127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "8.8.8.8")]
    [False, False, False, True]
    """
    address: IPv4Address | IPv6Address = ip_address(number.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast


def _refused(why: str) -> InputError:
    return InputError(
        f"this is no webhook's address: {why}", allowed="http or https, such as https://shop.example/hook"
    )
