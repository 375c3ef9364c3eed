"""Who can be named as a worker: somebody who may log in to work in a municipality."""

import re
from typing import Final

from webkit.site import Site

#: ``<issuer's name>:<subject>``, as history and access log have it.
WHO_PATTERN: Final = r"^[a-z][a-z0-9-]{0,30}:[!-~]{1,255}$"


def is_worker(who: str, site: Site, municipality: str) -> bool:
    """Whether a text names somebody whose issuer may grant roles in the municipality.

    Whether she exists, and has a role there, the issuer alone knows.
    """
    if re.fullmatch(WHO_PATTERN, who) is None:
        return False
    provider = site.providers.get(who.partition(":")[0])
    return provider is not None and municipality in provider.issuer.municipalities
