"""Who can be named as a worker: somebody who may log in to work in a municipality."""

import re
from collections.abc import Iterable
from typing import Final

from webkit.issuers import Issuer

#: ``<issuer's name>:<subject>``, as history and access log have it.
WHO_PATTERN: Final = r"^[a-z][a-z0-9-]{0,30}:[!-~]{1,255}$"


def is_worker(who: str, issuers: Iterable[Issuer], municipality: str) -> bool:
    """Whether a text names somebody whose issuer may grant roles in the municipality.

    Whether she exists, and has a role there, the issuer alone knows.
    """
    if re.fullmatch(WHO_PATTERN, who) is None:
        return False
    name = who.partition(":")[0]
    return any(issuer.name == name and municipality in issuer.municipalities for issuer in issuers)
