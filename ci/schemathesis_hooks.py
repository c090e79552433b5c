"""What the requests that schemathesis makes up are given before they are sent."""

import itertools
import re

import schemathesis

numbers = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key of its own for each request that has a right one: repeated, it would be answered with what may have been deleted since."""
    if case.headers and re.fullmatch(r"[\x20-\x7e]{1,255}", str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = f"key-{next(numbers)}"
