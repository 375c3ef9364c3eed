"""The texts that pages use, read from the source, and those that a room's `locale/sv.po` has."""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent.parent
WEBKIT = ROOT / "webkit"

#: Functions whose texts are translated, and which of their arguments are.
_KEYWORDS = {"_": None, "text": None, "texts": (1, 2)}

#: A text, or one for one thing and one for many.
Text = str | tuple[str, ...]


def rooms() -> list[Path]:
    """Every folder that has pages of its own."""
    return sorted({path.parent.parent for path in ROOT.glob("[!.]*/**/templates/*.html")})


def used(room: Path) -> set[Text]:
    """The texts in a room's templates and in its modules that know webkit."""
    found: set[Text] = set()
    for path in sorted(room.glob("templates/*.html")):
        found |= _extracted("jinja2", path)
    for path in sorted(room.glob("**/*.py")):
        if room == WEBKIT or "webkit" in path.read_text():
            found |= _extracted("python", path)
    return found


def catalogue(room: Path) -> Catalog:
    """What `locale/sv.po` has; an entry that cannot be read is an error."""
    with (room / "locale" / "sv.po").open("rb") as file:
        return read_po(file, locale="sv", abort_invalid=True)


def translated(room: Path) -> dict[Text, Text]:
    """English to Swedish, those that have a Swedish text and are not marked as a guess."""
    return {
        message.id if isinstance(message.id, str) else tuple(message.id): message.string
        if isinstance(message.string, str)
        else tuple(message.string)
        for message in catalogue(room)
        if message.id and message.string and all(message.string) and not message.fuzzy
    }


def _extracted(method: str, path: Path) -> set[Text]:
    messages = extract_from_file(method, path, keywords=_KEYWORDS, options={"silent": "false"})
    return {text for _, text, _, _ in messages}
