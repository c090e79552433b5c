"""Checks the signature of a webhook: HMAC with the standard library, Ed25519 with the package `cryptography`."""

import base64
import binascii
import hashlib
import hmac
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE = 5 * 60  # seconds that the clocks may be apart, and that a request may be under way


class Refused(Exception):
    """The request must not be believed; answer 401."""


def verify(headers: dict[str, str], body: bytes, keys: list[str], now: int) -> None:
    """Returns if one of the signatures is made with one of the keys, `whsec_…` or `whpk_…`, and the request is recent.

    `headers` has names in lower case. `body` is what was received, byte for byte, before anything parses it.
    """
    message_id, timestamp, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (message_id and timestamp and signatures):
        raise Refused("a header is missing")
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp)) > TOLERANCE:
        raise Refused("too old, or the clocks differ")
    signed = f"{message_id}.{timestamp}.".encode() + body
    for signature in signatures.split(" "):
        version, _, encoded = signature.partition(",")
        try:
            seen = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
        if any(holds(version, seen, signed, key) for key in keys):
            return
    raise Refused("no signature fits")


def holds(version: str, seen: bytes, signed: bytes, key: str) -> bool:
    prefix, _, encoded = key.partition("_")
    material = base64.b64decode(encoded)
    if (version, prefix) == ("v1", "whsec"):
        return hmac.compare_digest(seen, hmac.new(material, signed, hashlib.sha256).digest())
    if (version, prefix) == ("v1a", "whpk"):
        try:
            Ed25519PublicKey.from_public_bytes(material).verify(seen, signed)
            return True
        except InvalidSignature:
            return False
    return False


def main() -> None:
    """Reads a request a line: id, timestamp, signatures, body in base64, keys, and the time now, separated by tabs."""
    for line in sys.stdin:
        message_id, timestamp, signatures, body, keys, now = line.rstrip("\n").split("\t")
        headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}
        try:
            verify(headers, base64.b64decode(body), keys.split(" "), int(now))
            print("ok")
        except Refused as why:
            print(f"refused: {why}")


if __name__ == "__main__":
    main()
