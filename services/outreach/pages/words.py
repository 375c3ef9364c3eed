"""What the codes of outreach are called on pages: English texts, which templates translate."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from contracts.own import EntryReason, ExitReason, Fact, MeasureKind, Occupation
from services.outreach.code_list import occupations
from services.outreach.kinds import Channel, Kind, Outcome
from services.outreach.plans import EndReason, SupportKind
from services.outreach.routing import Decided
from services.outreach.tasks import Happening
from webkit.language import _

KINDS: Final[Mapping[Kind, str]] = {
    "inform": _("Inform"),
    "contact": _("Contact"),
    "talk": _("Motivating talk"),
    "offer_measure": _("Offer a measure"),
    "follow_up": _("Follow up a measure"),
    "recheck_occupation": _("Check the occupation again"),
    "early_support": _("Early support"),
    "clear_up": _("Clear up"),
    "hand_over": _("Hand over before 20"),
}
#: What there is to do, in a sentence.
WHAT_TO_DO: Final[Mapping[Kind, str]] = {
    "inform": _("Tell at once what the municipality can offer."),
    "contact": _("Try to get in touch."),
    "talk": _("Have the motivating talk that comes before a measure."),
    "offer_measure": _("Offer an individual measure, and plan it together."),
    "follow_up": _("Ask how the measure goes, and note it as a contact."),
    "recheck_occupation": _("What was known is too old to count: ask again."),
    "early_support": _("A school told of much absence: offer support early. No entry in the register."),
    "clear_up": _("No source says where this resident is: find out, before anything else."),
    "hand_over": _("The responsibility ends at 20: see to it that somebody takes over."),
}
CHANNELS: Final[Mapping[Channel, str]] = {
    "phone": _("Phone"),
    "sms": _("SMS"),
    "email": _("E-mail"),
    "letter": _("Letter"),
    "home_visit": _("Home visit"),
    "social_media": _("Social media"),
    "meeting": _("Meeting"),
    "other": _("Other way"),
}
#: The icon of each.
SIGNS: Final[Mapping[Channel, str]] = {
    "phone": "phone",
    "sms": "message",
    "email": "email",
    "letter": "letter",
    "home_visit": "home",
    "social_media": "message",
    "meeting": "people",
    "other": "note",
}
OUTCOMES: Final[Mapping[Outcome, str]] = {
    "reached": _("Reached"),
    "not_reached": _("Not reached"),
    "message_left": _("Left a message"),
    "informed": _("Informed"),
    "declined": _("Declined"),
}
OCCUPATIONS: Final[Mapping[Occupation, str]] = {
    "national_programme": _("National programme"),
    "introductory_programme": _("Introductory programme"),
    "adult_education": _("Adult education"),
    "other_studies": _("Other studies"),
    "work": _("Work"),
    "work_placement": _("Work placement"),
    "seeking_work": _("Seeking work"),
    "abroad": _("Abroad"),
    "none": _("No occupation"),
    "unknown": _("Unknown"),
}
MEASURES: Final[Mapping[MeasureKind, str]] = {
    "guidance": _("Study and career guidance"),
    "work_placement": _("Work placement"),
    "adult_education": _("Adult education"),
    "folk_high_school": _("Folk high school"),
    "talks": _("Motivating or coaching talks"),
    "other": _("Other measure"),
}
END_REASONS: Final[Mapping[EndReason, str]] = {
    "completed": _("Completed as planned"),
    "started_education": _("Began an education"),
    "started_work": _("Began to work"),
    "moved": _("Moved"),
    "own_choice": _("Own choice"),
    "other": _("Other reason"),
}
SUPPORTS: Final[Mapping[SupportKind, str]] = {
    "study_aid": _("As study aid"),
    "travel_card": _("Travel card"),
    "meals": _("Meals"),
}
PERIODS: Final[Mapping[str, str]] = {
    "once": _("once"),
    "day": _("a day"),
    "week": _("a week"),
    "month": _("a month"),
}
ENTRY_REASONS: Final[Mapping[EntryReason, str]] = {
    "compulsory_school_only": _("Compulsory school only"),
    "left_upper_secondary": _("Left upper secondary school"),
    "left_introductory_programme": _("Left an introductory programme"),
    "left_equivalent_education": _("Left an equivalent education"),
    "study_certificate": _("Study certificate, no diploma"),
    "newly_arrived": _("Newly arrived"),
    "no_known_school": _("No known school"),
}
#: What the reason rests on, in a sentence: the answer to "why is she on the list?".
WHY: Final[Mapping[EntryReason, str]] = {
    "compulsory_school_only": _("Compulsory school is over, and no school has told of a start after it."),
    "left_upper_secondary": _("A school told that upper secondary studies ended without a diploma."),
    "left_introductory_programme": _("A school told that the introductory programme ended."),
    "left_equivalent_education": _("A school told that an education equivalent to upper secondary ended."),
    "study_certificate": _("Finished upper secondary school with a study certificate, which is no diploma."),
    "newly_arrived": _(
        "Registered in Sweden after the age of compulsory school, and no school has told of a start."
    ),
    "no_known_school": _("Registered as resident, and no source says of any school."),
}
#: What was stated, of the day it is about.
FACTS: Final[Mapping[Fact, str]] = {
    "left": _("Left the school"),
    "completed": _("Completed the education"),
    "study_certificate": _("Study certificate awarded"),
    "compulsory_school_started": _("Began at a compulsory school"),
    "compulsory_school_ended": _("Compulsory school ended"),
    "no_show": _("Did not begin at the school"),
    "started": _("Began another education"),
    "changed": _("Changed study path"),
    "registered": _("Registered as resident"),
    "registered_in_sweden": _("Registered in Sweden for the first time"),
    "moved": _("Moved to the municipality"),
    "home_stated": _("The school stated the home municipality"),
}
EXIT_REASONS: Final[Mapping[ExitReason, str]] = {
    "deceased": _("Deceased"),
    "emigrated": _("Emigrated"),
    "moved": _("Moved to another municipality"),
    "turned_20": _("Turned 20"),
    "completed_education": _("Completed an education"),
    "started_introductory_programme": _("Started an introductory programme"),
    "started_upper_secondary": _("Started upper secondary school"),
    "started_equivalent_education": _("Started an equivalent education"),
    "returned_to_compulsory_school": _("Returned to compulsory school"),
}
HAPPENINGS: Final[Mapping[Happening, str]] = {
    "opened": _("Opened"),
    "changed": _("Was changed"),
    "claimed": _("Taken"),
    "released": _("Given back"),
    "reassigned": _("Reserved anew"),
    "snoozed": _("Was put off"),
    "woken": _("Back from being put off"),
    "done": _("Done"),
    "closed": _("Closed: nothing calls for it any more"),
    "reopened": _("Opened again"),
}
#: What became of a case of protected registration, as its history has it.
DECISIONS: Final[Mapping[Decided, str]] = {
    "routed": _("Routed to %(name)s"),
    "taken_back": _("Taken back from %(name)s"),
    "ended": _("Over, or no longer protected; was with %(name)s"),
}
#: Whose doing it was where nobody's was.
BY_ITSELF: Final[Mapping[str, str]] = {"registry": _("the registry"), "ladder": _("the ladder")}


def listed(day: date, chosen: str = "") -> Mapping[Occupation, str]:
    """The occupations that a form offers: those of the day's code list, and the one that is chosen already."""
    on = occupations().on(day)
    return {code: text for code, text in OCCUPATIONS.items() if code in on or code == chosen}
