"""A ladder that cannot work is refused with its line, the place, what is wrong and what is expected."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from contracts.yaml_file import YamlFileError
from services.outreach.ladder_file import default, default_path, load, load_folder
from tests.contracts.yaml_files import BOMB

from .ladders import plain

TEXT: Final = default_path().read_text(encoding="utf-8")


def problems(path: Path) -> list[tuple[int, str]]:
    with pytest.raises(YamlFileError) as refused:
        load(path)
    return [(problem.line, problem.detail) for problem in refused.value.problems]


def written(folder: Path, text: str) -> Path:
    path = folder / "ladder.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def after(folder: Path, old: str, new: str) -> list[tuple[int, str]]:
    """What is wrong with the default ladder after this text, which stands once in it, was changed."""
    assert TEXT.count(old) == 1, old
    return problems(written(folder, TEXT.replace(old, new)))


def line_of(text: str) -> int:
    return TEXT[: TEXT.index(text)].count("\n") + 1


def with_values(folder: Path, values: dict[str, Any]) -> list[str]:
    """What is wrong with these values, without the lines."""
    return [detail for _, detail in problems(written(folder, yaml.safe_dump(values, sort_keys=False)))]


def test_the_default_ladder_is_sound_and_covers_every_step_of_the_guidance() -> None:
    kinds = {step.kind for step in default().steps.values()}
    assert kinds == {"clear_up", "inform", "contact", "talk", "offer_measure", "recheck_occupation"}
    assert default().name == "the default ladder"


# --- what stands in the file


def test_an_unknown_key_is_refused_with_the_keys_there_are(tmp_path: Path) -> None:
    place = "  current_for_days: 90"
    assert after(tmp_path, place, f"{place}\n  curent: 1") == [
        (
            line_of(place) + 1,
            "occupation.curent: no such key; expected one of: current_for_days, rests_for, then",
        )
    ]


def test_an_unknown_key_of_an_answer_is_refused_with_the_keys_there_are(tmp_path: Path) -> None:
    old = "{then: visit, in_days: 21}"
    assert after(tmp_path, old, "{then: visit, in_days: 21, days: 3}") == [
        (
            line_of(old),
            "steps.write.after.otherwise.days: no such key; expected one of: then, in_days, again_after_days, with",
        )
    ]


def test_an_unknown_channel_is_refused(tmp_path: Path) -> None:
    old = "channels: [letter, email, social_media]"
    assert after(tmp_path, old, "channels: [letter, telegram]") == [
        (
            line_of(old),
            "steps.write.channels[1]: expected 'phone', 'sms', 'email', 'letter', 'home_visit', 'social_media', "
            "'meeting' or 'other'",
        )
    ]


def test_an_unknown_outcome_is_refused(tmp_path: Path) -> None:
    old = "      otherwise: {then: visit, in_days: 21}"
    assert after(tmp_path, old, f"{old}\n      returned: {{then: visit, in_days: 1}}") == [
        (
            line_of(old) + 1,
            "steps.write.after.returned: no such key; expected 'reached', 'not_reached', 'message_left', 'declined', "
            "'informed' or 'otherwise'",
        )
    ]


def test_an_unknown_reason_of_entry_is_refused(tmp_path: Path) -> None:
    old = "  no_known_school: clear_up"
    ((line, detail),) = after(tmp_path, old, "  not_known: clear_up")
    assert line == line_of(old)
    assert detail.startswith("entry.not_known: no such key; expected 'compulsory_school_only', ")


def test_an_unknown_kind_is_refused_and_those_with_rules_of_their_own(tmp_path: Path) -> None:
    for kind in ("call", "follow_up", "hand_over", "early_support"):
        ((line, detail),) = after(tmp_path, "kind: talk", f"kind: {kind}")
        assert line == line_of("kind: talk")
        assert detail.startswith("steps.talk.kind: expected 'inform', 'contact', 'talk'")


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ("due_in_days: 5", "due_in_days: soon", "early_support.due_in_days: expected a whole number"),
        ("due_in_days: 5", "due_in_days: -1", "early_support.due_in_days: expected 0 or more"),
        ("due_in_days: 5", "due_in_days: 366", "early_support.due_in_days: expected 365 or less"),
        ("due_in_days: 5", "due_in_days: 5.5", "early_support.due_in_days: YAML reads this as a number; expected "
         "text, in quotes, or a whole number"),
        ("due_in_days: 5", "due_in_days:", "early_support.due_in_days: nothing stands here; expected a value, "
         "or no such key"),
        ("due_in_days: 5", "due: 5", "early_support: `due_in_days` is missing; expected it here"),
        ("again_after_days: 60, with: talk", "again_after_days: 2, with: talk",
         "steps.offer_measure.after.declined.again_after_days: expected 7 or more"),
        ("at_age: 19 years 9 months", "at_age: 19.75 years", "hand_over.at_age: expected an age such as "
         "19 years 9 months"),
        ("  write:\n", "  Write a letter:\n", "steps.Write a letter: expected a name: small letters a to z, digits "
         "and _, a letter first, at most 40"),
        ("channels: [letter, email, social_media]", "channels: letter", "steps.write.channels: expected a list"),
        ("early_support:\n  due_in_days: 5\n  again_after_days: 7", "early_support: 5",
         "early_support: expected these keys with values: due_in_days, again_after_days"),
        ("name: the default ladder", "name: ''", "name: expected some text"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_form_is_said_with_what_is_expected(
    tmp_path: Path, old: str, new: str, detail: str
) -> None:
    assert detail in [said for _, said in after(tmp_path, old, new)]


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert after(tmp_path, "  due_in_days: 5", "  due_in_days: 5\n  due_in_days: 6") == [
        (line_of("  due_in_days: 5") + 1, "`due_in_days` stands twice; expected once")
    ]


@pytest.mark.parametrize(
    ("raw", "line", "detail"),
    [
        (b"", 1, "the file is empty; expected a ladder"),
        (b"name: \xff\n", 1, "not UTF-8; save the file in that encoding"),
        (b"name: x\nsteps: [\n", 3, "not YAML: expected the node content, but found '<stream end>'"),
        (b"name: \x01\n", 1, "not YAML: a character that YAML does not allow"),
        (b"- 1\n", 1, "expected these keys with values: name, entry, steps, close_to_20, occupation, measures, "
         "hand_over, protected, early_support"),
        (b"[" * 1000, 1, "nested too deep; expected a ladder"),
    ],
)  # fmt: skip
def test_what_is_no_ladder_at_all_is_said_in_one_line(
    tmp_path: Path, raw: bytes, line: int, detail: str
) -> None:
    path = tmp_path / "ladder.yaml"
    path.write_bytes(raw)
    assert problems(path) == [(line, detail)]


def test_aliases_of_aliases_do_not_fill_the_memory(tmp_path: Path) -> None:
    found = problems(written(tmp_path, BOMB))
    assert [detail for _, detail in found] == [
        "more than 200,000 keys and values, aliases followed; expected a ladder"
    ]


def test_an_alias_that_holds_itself_is_refused(tmp_path: Path) -> None:
    found = problems(written(tmp_path, "name: &a [*a]\n"))
    assert [detail for _, detail in found] == ["nested too deep; expected a ladder"]


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.yaml")


# --- what the parts ask of each other


def test_a_step_that_is_not_there_is_refused_wherever_it_is_named(tmp_path: Path) -> None:
    old = "{then: write, in_days: 7}"
    assert after(tmp_path, old, "{then: wirte, in_days: 7}") == [
        (
            line_of(old),
            "steps.contact.after_last_try.then: there is no step `wirte`; expected one of: "
            "clear_up, inform, contact, write, visit, talk, offer_measure, recheck",
        )
    ]
    values = plain()
    values["entry"]["otherwise"] = values["occupation"]["then"] = "a"
    values["measures"]["when_ended"]["then"] = values["steps"]["talk"]["after"]["declined"]["with"] = "a"
    places = {detail.partition(":")[0] for detail in with_values(tmp_path, values)}
    assert places == {
        "entry.otherwise",
        "occupation.then",
        "measures.when_ended.then",
        "steps.talk.after.declined.with",
    }


def test_a_step_that_no_way_leads_to_is_refused(tmp_path: Path) -> None:
    values = plain()
    values["steps"]["call_parents"] = values["steps"]["write"]
    assert with_values(tmp_path, values) == [
        "steps.call_parents: no way leads to this step; name it somewhere or take it out"
    ]


def test_steps_that_only_lead_to_each_other_are_not_reached(tmp_path: Path) -> None:
    values = plain()
    end = {"otherwise": {"then": "end", "again_after_days": 30, "with": "b"}}
    values["steps"]["a"] = {"kind": "contact", "due_in_days": 1, "after": end}
    values["steps"]["b"] = values["steps"]["a"] | {"after": {"otherwise": {"then": "a", "in_days": 0}}}
    assert [detail.partition(":")[0] for detail in with_values(tmp_path, values)] == ["steps.a", "steps.b"]


def test_a_circle_without_an_end_is_refused_and_told_once(tmp_path: Path) -> None:
    values = plain()
    values["steps"]["visit"]["after_last_try"] = {"then": "contact", "in_days": 30}
    assert with_values(tmp_path, values) == [
        "steps.contact: goes round without an end: contact → write → visit → contact; expected `then: end` somewhere "
        "on the way"
    ]


def test_a_step_that_leads_to_itself_is_a_circle(tmp_path: Path) -> None:
    values = plain()
    values["steps"]["write"]["after"]["otherwise"] = {"then": "write", "in_days": 30}
    assert (
        "steps.write: goes round without an end: write → write; expected `then: end` somewhere on the way"
        in (with_values(tmp_path, values))
    )


def test_an_answer_after_which_nothing_follows_is_refused(tmp_path: Path) -> None:
    values = plain()
    del values["steps"]["write"]["after"]["otherwise"]
    assert "steps.write.after: nothing follows the other answers; expected `otherwise` with what does" in (
        with_values(tmp_path, values)
    )


def test_a_reason_of_entry_without_a_first_step_is_refused(tmp_path: Path) -> None:
    values = plain()
    values["entry"] = {"no_known_school": "clear_up", "newly_arrived": "inform"}
    assert with_values(tmp_path, values) == [
        "entry: no first step for compulsory_school_only, left_upper_secondary, left_introductory_programme, "
        "left_equivalent_education, study_certificate; expected each, or `otherwise` for the rest"
    ]


@pytest.mark.parametrize(
    ("step", "part", "detail"),
    [
        ("write", {"tries": 3}, "tries: no answer leads to another try; expected one with `then: again`"),
        ("contact", {"tries": 1}, "after: `again` says to try again; expected `tries` of 2 or more"),
        ("contact", {"after_last_try": None}, "after_last_try: nothing follows the last try; expected it"),
        ("write", {"after_last_try": {"then": "visit", "in_days": 1}},
         "after_last_try: there is but one try; expected no such key, or `tries` of 2 or more"),
        ("contact", {"days_between": None},
         "days_between: expected 1 to 2 numbers: the days after each try but the last"),
        ("contact", {"days_between": [1, 2, 3]},
         "days_between: expected 1 to 2 numbers: the days after each try but the last"),
        ("write", {"days_between": [1]},
         "days_between: there is but one try; expected no such key, or `tries` of 2 or more"),
        ("contact", {"after_last_try": {"then": "again"}},
         "after_last_try.then: there is no try after the last; expected a step or `end`"),
        ("contact", {"kind": "recheck_occupation"},
         "kind: expected of the step alone that `occupation.then` names"),
    ],
)  # fmt: skip
def test_tries_and_kinds_fit_together(tmp_path: Path, step: str, part: dict[str, Any], detail: str) -> None:
    values = plain()
    changed = values["steps"][step] | part
    values["steps"][step] = {key: value for key, value in changed.items() if value is not None}
    assert f"steps.{step}.{detail}" in with_values(tmp_path, values)


def test_an_occupation_that_is_not_current_leads_to_a_recheck(tmp_path: Path) -> None:
    values = plain()
    values["occupation"]["then"] = "contact"
    assert "occupation.then: the step is of kind contact; expected one of kind recheck_occupation" in (
        with_values(tmp_path, values)
    )


@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        ({"then": "visit"}, ": `in_days` is missing; expected it beside `then: visit`"),
        ({"then": "end"}, ": `again_after_days` is missing; expected it beside `then: end`"),
        ({"then": "end", "again_after_days": 30}, ": `with` is missing; expected it beside `then: end`"),
        ({"then": "visit", "in_days": 1, "with": "talk"}, ".with: expected no such key beside `then: visit`"),
        ({"then": "end", "in_days": 1, "again_after_days": 30, "with": "talk"},
         ".in_days: expected no such key beside `then: end`"),
        ({"then": "again", "in_days": 1}, ".in_days: expected no such key beside `then: again`"),
    ],
)  # fmt: skip
def test_what_follows_says_all_it_must_and_no_more(tmp_path: Path, rule: dict[str, Any], detail: str) -> None:
    values = plain()
    values["steps"]["write"]["after"]["otherwise"] = rule
    assert f"steps.write.after.otherwise{detail}" in with_values(tmp_path, values)


@pytest.mark.parametrize("name", ["again", "end", "protected", "follow_up", "hand_over", "early_support"])
def test_a_name_that_means_something_else_is_refused(tmp_path: Path, name: str) -> None:
    values = plain()
    values["steps"][name] = values["steps"]["write"]
    assert f"steps.{name}: the name means something else here; expected another" in with_values(
        tmp_path, values
    )


def test_handing_over_is_said_in_one_way(tmp_path: Path) -> None:
    wanted = "hand_over: expected one of `at_age` and `days_before_20`"
    values = plain()
    values["hand_over"]["days_before_20"] = 91
    assert with_values(tmp_path, values) == [wanted]
    values["hand_over"] = {"due_in_days": 30}
    assert with_values(tmp_path, values) == [wanted]


def test_a_follow_up_that_is_done_does_not_open_again_at_once(tmp_path: Path) -> None:
    values = plain()
    values["measures"] |= {"opens_days_before": 7, "at_least_every_days": 7}
    assert with_values(tmp_path, values) == [
        "measures.opens_days_before: a follow-up that is done would open at once again; expected less than "
        "`at_least_every_days`"
    ]


def test_the_ladder_does_not_rest_for_what_is_not_known(tmp_path: Path) -> None:
    values = plain()
    values["occupation"]["rests_for"] = ["work", "unknown"]
    assert with_values(tmp_path, values) == [
        "occupation.rests_for[1]: unknown: nobody is cared for by it; take it out"
    ]


# --- a folder of ladders


def test_each_municipality_has_its_own_ladder_or_the_default(tmp_path: Path) -> None:
    (tmp_path / "0180.yaml").write_text(TEXT.replace("the default ladder", "ours"), encoding="utf-8")
    (tmp_path / "README").write_text("not a ladder", encoding="utf-8")
    ladders = load_folder(tmp_path)
    assert (ladders.of("0180").name, ladders.of("1480")) == ("ours", default())


def test_a_file_that_is_not_named_by_a_municipality_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stockholm.yaml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(
        YamlFileError, match=r"stockholm\.yaml:1: the file's name: .*; expected one such as 0180\.yaml"
    ):
        load_folder(tmp_path)


def test_one_wrong_ladder_is_said_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "1480.yaml").write_text("name: x\n", encoding="utf-8")
    with pytest.raises(YamlFileError, match=r"1480\.yaml:1: `entry` is missing"):
        load_folder(tmp_path)
