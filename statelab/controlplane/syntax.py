"""Names, labels, ports, addresses: what a text may look like, and upstream's words where it does not.

Each function returns what is wrong, empty when nothing is. Source: apimachinery/pkg/util/validation/validation.go,
apimachinery/pkg/api/validation/generic.go.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache, wraps

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HEADER = "[-A-Za-z0-9]+"

label_re = re.compile(_LABEL)
subdomain_re = re.compile(_SUBDOMAIN)
_qualified_re = re.compile(_QUALIFIED)
_value_re = re.compile(_VALUE)
_config_key_re = re.compile(_CONFIG_KEY)
_header_re = re.compile(_HEADER)
_port_name_re = re.compile("[-a-z0-9]+")

_LONGEST_REMEMBERED = 300  # a hostile client's megabyte is not worth keeping


def _remembered(check: Callable[[str], tuple[str, ...]]) -> Callable[[str], tuple[str, ...]]:
    """The verdicts on short texts are kept: the same few names come again and again."""
    known = lru_cache(maxsize=8192)(check)

    @wraps(check)
    def call(text: str) -> tuple[str, ...]:
        return known(text) if len(text) <= _LONGEST_REMEMBERED else check(text)

    return call


_ALNUM = "must start and end with an alphanumeric character"
LABEL_WORDS = (
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and {_ALNUM} "
    f"(e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
SUBDOMAIN_WORDS = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and {_ALNUM} "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_QUALIFIED_WORDS = (
    f"must consist of alphanumeric characters, '-', '_' or '.', and {_ALNUM} "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_VALUE_WORDS = (
    f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and {_ALNUM} "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE}')"
)
_CONFIG_KEY_WORDS = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
    f"(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '{_CONFIG_KEY}')"
)
_HEADER_WORDS = (
    "a valid HTTP header must consist of alphanumeric characters or '-' "
    f"(e.g. 'X-Header-Name', regex used for validation is '{_HEADER}')"
)
_PERCENT_WORDS = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)
BAD_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
BAD_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
BAD_PORT = "must be between 1 and 65535, inclusive"
BAD_ID = "must be between 0 and 2147483647, inclusive"


def at_most(length: int, unit: str = "characters") -> str:
    return f"must be no more than {length} {unit}"


@_remembered
def label(text: str) -> tuple[str, ...]:
    """IsDNS1123Label."""
    if len(text) > 63:
        return (at_most(63),) if label_re.fullmatch(text) else (at_most(63), *_not_a_label(text))
    return () if label_re.fullmatch(text) else _not_a_label(text)


def _not_a_label(text: str) -> tuple[str, ...]:
    return ("must not contain dots",) if subdomain_re.fullmatch(text) else (LABEL_WORDS,)


_RFC1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_rfc1035_re = re.compile(_RFC1035)
_RFC1035_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    f"and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_RFC1035}')"
)


@_remembered
def rfc1035_label(text: str) -> tuple[str, ...]:
    """IsDNS1035Label."""
    found = (at_most(63),) if len(text) > 63 else ()
    return found if _rfc1035_re.fullmatch(text) else (*found, _RFC1035_WORDS)


@_remembered
def subdomain(text: str) -> tuple[str, ...]:
    """IsDNS1123Subdomain."""
    found = (at_most(253),) if len(text) > 253 else ()
    return found if subdomain_re.fullmatch(text) else (*found, SUBDOMAIN_WORDS)


def generated(text: str) -> str:
    """A generateName as it is judged: what follows a trailing dash will be letters."""
    return text[:-1] + "a" if len(text) > 1 and text.endswith("-") else text


@_remembered
def qualified(text: str) -> tuple[str, ...]:
    """IsQualifiedName: `name` or `prefix/name`."""
    parts = text.split("/")
    found: list[str] = []
    if len(parts) == 2:
        if not parts[0]:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {words}" for words in subdomain(parts[0])]
    elif len(parts) > 2:
        optional = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return (f"a qualified name {_QUALIFIED_WORDS}{optional}",)
    name = parts[-1]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > 63:
        found.append(f"name part {at_most(63, 'bytes')}")
    if not _qualified_re.fullmatch(name):
        found.append(f"name part {_QUALIFIED_WORDS}")
    return tuple(found)


@_remembered
def label_value(text: str) -> tuple[str, ...]:
    """IsValidLabelValue."""
    found = (at_most(63, "bytes"),) if len(text) > 63 else ()
    return found if _value_re.fullmatch(text) else (*found, _VALUE_WORDS)


@_remembered
def config_key(text: str) -> tuple[str, ...]:
    """IsConfigMapKey."""
    found: list[str] = []
    if len(text) > 253:
        found.append(at_most(253))
    if not _config_key_re.fullmatch(text):
        found.append(_CONFIG_KEY_WORDS)
    if text in (".", ".."):
        found.append(f"must not be '{text}'")
    elif text.startswith(".."):
        found.append("must not start with '..'")
    return tuple(found)


def env_name(text: str) -> tuple[str, ...]:
    """IsRelaxedEnvVarName."""
    found = () if text else ("environment variable name must be non-empty",)
    if any(not " " <= char <= "~" or char == "=" for char in text):
        words = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        return (*found, words)
    return found


def header_name(text: str) -> tuple[str, ...]:
    return () if _header_re.fullmatch(text) else (_HEADER_WORDS,)


@_remembered
def port_name(text: str) -> tuple[str, ...]:
    """IsValidPortName (IANA service names)."""
    found: list[str] = []
    if len(text) > 15:
        found.append(at_most(15))
    if not _port_name_re.fullmatch(text):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        found.append("must contain at least one letter (a-z)")
    if "--" in text:
        found.append("must not contain consecutive hyphens")
    if text and (text[0] == "-" or text[-1] == "-"):
        found.append("must not begin or end with a hyphen")
    return tuple(found)


def port_number(number: int) -> tuple[str, ...]:
    return () if 0 < number < 65536 else (BAD_PORT,)


def percent(text: str) -> tuple[str, ...]:
    return () if re.fullmatch("[0-9]+%", text) else (_PERCENT_WORDS,)


def is_ip(text: str) -> bool:
    return parse_ip(text) is not None


def parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    return None if "%" in text or len(text) > 64 else _parse_ip(text)


@lru_cache(maxsize=8192)
def _parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def ip_problems(text: str) -> tuple[str, ...]:
    """What is wrong with an IP address. Source: apimachinery/pkg/util/validation/ip.go, with StrictIPCIDRValidation."""
    found = parse_ip(text)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return ("must not be an IPv4-mapped IPv6 address",)
    if found is not None:
        return ()
    return ("must not have leading 0s",) if parse_ip(_without_zeros(text)) is not None else (BAD_IP,)


def cidr_problems(text: str) -> tuple[str, ...]:
    """What is wrong with a CIDR block; the same source."""
    found = parse_cidr(text)
    if found is None:
        return (BAD_CIDR,)
    ip, _, length = text.partition("/")
    if parse_ip(ip) is None or (length.startswith("0") and length != "0"):
        return ("must not have leading 0s in IP or prefix length",)
    if isinstance(found.ip, ipaddress.IPv6Address) and found.ip.ipv4_mapped is not None:
        return ("must not have an IPv4-mapped IPv6 address",)
    if found.ip != found.network.network_address:
        return ("must not have bits set beyond the prefix length",)
    return ()


def parse_cidr(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
    """A CIDR block with the address it is written with, leading zeros forgiven; None for what is none."""
    ip, slash, length = text.partition("/")
    if not slash or "%" in text or len(text) > 64 or not re.fullmatch("[0-9]+", length):
        return None
    try:
        return ipaddress.ip_interface(f"{_without_zeros(ip)}/{int(length)}")
    except ValueError:
        return None


def _without_zeros(text: str) -> str:
    """An IPv4 address whose numbers may begin with zeros, as Go once read it."""
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", text) if re.fullmatch(r"[0-9]+(\.[0-9]+){3}", text) else text
