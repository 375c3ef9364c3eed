"""The words of outreach: kinds of tasks, channels and outcomes; every module of it shares them."""

from typing import Final, Literal, get_args

#: What is to be done for a person.
#:
#: ``inform``: tell her at once what the municipality can offer. ``contact``: try to reach her. ``talk``: the
#: motivating conversation (motiverande samtal) before a measure. ``offer_measure``: offer an individual measure
#: (individuell åtgärd). ``follow_up``: see how a measure goes. ``recheck_occupation``: what was known of her
#: occupation (sysselsättning) is too old to count. ``early_support``: a school told of much absence; no part of the
#: register. ``clear_up``: a resident that no source accounts for: find out where she is. ``hand_over``: before the
#: responsibility ends at 20, see to it that somebody takes over.
Kind = Literal[
    "inform",
    "contact",
    "talk",
    "offer_measure",
    "follow_up",
    "recheck_occupation",
    "early_support",
    "clear_up",
    "hand_over",
]

#: How a contact was made or tried; as in the published ``outreach.contact.made``.
Channel = Literal["phone", "sms", "email", "letter", "home_visit", "social_media", "meeting", "other"]

#: What came of it; as in the published ``outreach.contact.made``.
Outcome = Literal["reached", "not_reached", "message_left", "declined", "informed"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
#: What can be done without a contact with her: what others told, or took over.
WITHOUT_CONTACT: Final[frozenset[Kind]] = frozenset({"clear_up", "hand_over"})
