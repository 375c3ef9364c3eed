"""Names, addresses, e-mail and phone numbers of people who do not exist.

Phone numbers are of the range that is set aside for fiction (070-174 06 05 to 070-174 06 99), e-mail is at
example.org, every street is Provgatan.
"""

from random import Random

_WOMEN = (
    "Alva",
    "Astrid",
    "Bodil",
    "Dagny",
    "Ebba",
    "Elina",
    "Fatima",
    "Freja",
    "Greta",
    "Hanna",
    "Jasmin",
    "Leila",
    "Linnea",
    "Maryam",
    "Nora",
    "Petra",
    "Saga",
    "Signe",
    "Siri",
    "Stina",
    "Tove",
    "Vera",
    "Yasmin",
    "Ylva",
    "Zahra",
    "Åsa",
)
_MEN = (
    "Adam",
    "Ahmed",
    "Albin",
    "Arvid",
    "Axel",
    "David",
    "Elias",
    "Emil",
    "Filip",
    "Hassan",
    "Hugo",
    "Ibrahim",
    "Isak",
    "Johan",
    "Leo",
    "Ludvig",
    "Melvin",
    "Nils",
    "Olle",
    "Omar",
    "Sixten",
    "Ture",
    "Viktor",
    "Yusuf",
    "Åke",
    "Östen",
)
_FIRST = (
    "Prov",
    "Test",
    "Påhitts",
    "Exempel",
    "Sago",
    "Låtsas",
    "Mönster",
    "Övnings",
    "Skugg",
    "Papp",
    "Fantasi",
    "Docks",
    "Rit",
)
_SECOND = (
    "ström",
    "lund",
    "berg",
    "kvist",
    "dal",
    "gren",
    "blad",
    "hage",
    "sjö",
    "fors",
    "näs",
    "mark",
    "lind",
    "holm",
    "stig",
    "vall",
    "äng",
    "rot",
    "klint",
    "torp",
)
_ASCII = str.maketrans("åäöÅÄÖ", "aaoAAO")

Contact = dict[str, object]


def name(woman: bool, rng: Random) -> tuple[str, str]:
    """Given name and family name."""
    return rng.choice(_WOMEN if woman else _MEN), rng.choice(_FIRST) + rng.choice(_SECOND)


def contact(given: str, family: str, city: str, rng: Random) -> Contact:
    """``contact`` of the population events: an address, mostly a phone, often an e-mail address.

    Missing phone numbers are what outreach staff complain most about, so they are missing here too.
    """
    said: Contact = {
        "address": {
            "street": f"Provgatan {rng.randint(1, 400)}",
            "postal_code": f"{rng.randint(100, 199)} {rng.randint(10, 99)}",
            "city": city,
        }
    }
    if rng.random() < 0.55:
        local = f"{given}.{family}{rng.randint(1, 99)}".translate(_ASCII).lower()
        said["email"] = f"{local}@example.org"
    if rng.random() < 0.7:
        phones = [f"070-174 06 {rng.randint(5, 99):02d}" for _ in range(1 if rng.random() < 0.8 else 2)]
        said["phones"] = sorted(set(phones))
    return said
