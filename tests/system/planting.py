"""Made-up persons, and every event and record, good and bad, in which they are named (see test_privacy.py)."""

import json
from collections.abc import Mapping
from typing import Any

from contracts.envelope import CONTENT_TYPE
from tests.system.installation import FREE, TOWN, Raw, left, numbers, resident, said, started, wire
from tests.system.poison import every_poison

GIVEN, FAMILY = "Kryddnejlika", "Vippentunga"
#: A family name that outreach's store does not take, see test_privacy.py.
UNSTORABLE = "Sparvlucka"
STREET, CITY, POSTAL_CODE = "Ugglemossestigen 47", "Ugglemossa", "91747"
EMAIL, PHONE = "kn.vippt@ugglemossa.example", "070-1740616"
#: Stands in free text: reasons, unknown fields, ids, types, what is no JSON at all.
WORD = "Blåklockshändelse"
PEOPLE = numbers(12, 2008)
CONTACT = {
    "address": {"street": STREET, "postal_code": POSTAL_CODE, "city": CITY},
    "email": EMAIL,
    "phones": [PHONE],
}
NAMED = {"given_name": GIVEN, "family_name": FAMILY}


def planted() -> list[bytes]:
    """All that may be found nowhere, in the forms that somebody may have written it in; letters small."""
    spoilt = f"{PEOPLE[0][:-1]}{(int(PEOPLE[0][-1]) + 1) % 10}"
    numbers_in_forms = [
        form
        for number in (*PEOPLE, spoilt)
        for form in (number, number[2:], f"{number[:8]}-{number[8:]}", f"{number[2:8]}-{number[8:]}")
    ]
    words = [GIVEN, FAMILY, UNSTORABLE, STREET, CITY, POSTAL_CODE, EMAIL, PHONE, WORD, *numbers_in_forms]
    in_json = [json.dumps(word)[1:-1] for word in words]
    return sorted({word.lower().encode() for word in (*words, *in_json)})


def found_in(places: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """Where a planted thing stands: (place, what)."""
    plants = planted()
    # bytes.lower() leaves letters beyond ASCII alone
    low = {place: text.decode(errors="replace").lower().encode() for place, text in places.items()}
    return [(place, plant) for place, text in low.items() for plant in plants if plant in text]


def good_events() -> list[dict[str, Any]]:
    """Every family, every kind of event that names somebody, as right as can be; some with telling ids."""
    anna, bo, cia, disa, eli, filip, gry, hans, ida, jon, *_ = PEOPLE
    town, free = f"urn:se:orgnr:{TOWN}", f"urn:se:orgnr:{FREE}"

    def pupil(number: str) -> dict[str, Any]:
        return {"pupil": {"identity_number": number} | NAMED}

    def person(number: str) -> dict[str, Any]:
        return {"person": {"identity_number": number} | NAMED}

    residents = [
        resident(f"r-{ordinal}", number, **person(number), contact=CONTACT)
        for ordinal, number in enumerate((anna, bo, cia, disa, eli, filip, gry))
    ]
    return [
        *residents,
        resident("r-hans", hans, person={"identity_number": hans, "given_name": GIVEN, "family_name": UNSTORABLE}),
        # telling ids, as a system makes them that knows no better
        started(f"{anna}-{GIVEN}", anna, "2024-08-19", **pupil(anna)),
        left(f"{FAMILY} {anna}", anna, "2024-11-15", **pupil(anna), reason="moved"),
        *(left(f"l-{ordinal}", number, "2024-11-15", **pupil(number)) for ordinal, number in enumerate((bo, hans))),
        # another organiser's pupils: the home municipality is to be told
        *(
            started(f"f-{number}", number, "2024-08-19", "13000001", **pupil(number)) | {"source": free}
            for number in (cia, disa, ida)
        ),
        left(f"fl-{cia}", cia, "2024-11-15", "13000001", **pupil(cia)) | {"source": free},
        said("a-1", "school.absence.reported", pupil(disa) | {"school_unit": "13000001", "month": "2024-10",
             "unexcused_minutes": 400, "occasions": 5, "note": WORD}, source=free),
        said("a-2", "school.absence.retracted", {"retracts": "a-1", "reason": WORD}, source=free),
        said("e-1", "school.enrolment.retracted", {"retracts": f"f-{disa}", "reason": WORD}, source=free),
        left("l-3", eli, "2024-11-15", **pupil(eli)) | {"replaces": f"{GIVEN}"},
        said("u-1", "municipality.resident.updated",
             person(filip) | {"updated_on": "2025-01-10", "protection": "protected_registration"}),
        said("u-2", "municipality.resident.updated",
             person(bo) | {"updated_on": "2025-01-10", "contact": {"email": EMAIL}}),
        left("l-4", filip, "2024-11-15", **pupil(filip)),
        said("i-1", "municipality.resident.identity_changed",
             {"previous_identity_number": gry, "identity_number": jon, "changed_on": "2025-02-01"}),
        left("l-5", gry, "2024-11-15", **pupil(gry)),
        said(f"c-{bo}", "national.credential.awarded",
             {"identity_number": bo, "kind": "study_certificate", "awarded_on": "2025-01-15"}),
        # what the store takes at the third attempt
        resident(f"later-{WORD}", PEOPLE[10], **person(PEOPLE[10]), contact=CONTACT),
        left("l-6", PEOPLE[10], "2024-11-15", **pupil(PEOPLE[10])) | {"source": town},
    ]  # fmt: skip


def bad_records() -> list[Raw]:
    """The same persons in every kind of record that cannot take effect."""
    anna = PEOPLE[0]
    pupil = {"identity_number": anna} | NAMED
    leave, person_topic = f"school.{TOWN}.leave.v1", "registry.person.v1"
    unstorable = left(
        f"unstorable {FAMILY}", PEOPLE[11], "2024-11-15", pupil={"identity_number": PEOPLE[11]} | NAMED
    )
    records = [(one.raw.topic, one.raw.value, one.raw.headers) for one in every_poison(anna, WORD)]
    events: list[tuple[str, bytes]] = [
        (leave, wire(left("l-0", anna, "2024-12-24", pupil=pupil))),
        (leave, wire(unstorable)),
        (leave, wire(left("b-1", anna, "2024-12-24", pupil=pupil, unit="13000001"))),
        (leave, wire(left("b-2", anna, "2024-12-24", pupil=pupil) | {"source": f"urn:se:orgnr:{anna[2:]}"})),
        (leave, wire(left("b-3", anna, "2024-12-24", pupil=pupil) | {"source": GIVEN, "time": FAMILY})),
        (leave, wire(left("b-4", GIVEN, STREET, pupil={GIVEN: FAMILY, "identity_number": EMAIL}))),
        (leave, wire(left("b-5", anna, "2024-12-24", pupil=pupil, reason=WORD, school_form=WORD))),
        ("municipality.0180.population.v1", wire(resident("b-6", anna, contact={"address": {"street": STREET}}))),
        ("municipality.0180.population.v1", wire(resident("b-7", anna, contact=CONTACT | {"phones": [PHONE, 7]}))),
        ("national.credentials.v1", wire(said("b-8", "national.credential.awarded",
                                              {"identity_number": anna, "kind": WORD, "awarded_on": STREET}))),
        (f"school.{FREE}.absence.v1", wire(said("b-9", "school.absence.reported", {"pupil": pupil, "month": WORD}))),
        (person_topic, wire({"name": GIVEN, "street": STREET})),
        ("registry.coverage.v1", f"{anna} {GIVEN}".encode()),
        ("outreach.activity.v1", wire({"specversion": "1.0", "type": WORD, "id": anna})),
        ("notifications.notice.v1", b"[" + GIVEN.encode()),
    ]  # fmt: skip
    told = (("x-name", GIVEN.encode()), CONTENT_TYPE)
    return [Raw(*record) for record in records] + [Raw(topic, value, told) for topic, value in events]
