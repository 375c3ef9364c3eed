"""The example directory of organisers, and what the simulator reads from it."""

from collections import Counter

from contracts.organisers import Directory
from simulator.schools import Schools, kind_by_name


def test_the_example_has_a_city_its_neighbours_and_independent_organisers(directory: Directory) -> None:
    assert len(directory.organisers) == 40
    owners = Counter(o.municipality is None for o in directory.organisers)
    assert (owners[False], owners[True]) == (11, 29)
    assert directory.municipality_of("2120000142") == "0180"


def test_the_city_has_schools_of_every_form_a_municipality_runs(directory: Directory) -> None:
    kinds = Counter(school.kind for school in Schools(directory, "0180").all if school.owner == "own")
    assert kinds["compulsory"] >= 10
    assert kinds["upper"] >= 10
    assert min(kinds["adapted"], kinds["adult"]) >= 2


def test_the_school_form_is_read_from_the_name() -> None:
    assert kind_by_name("Vindrosens gymnasium") == "upper"
    assert kind_by_name("Anpassat gymnasium Fyren") == "adapted"
    assert kind_by_name("Årstidernas anpassade gymnasium") == "adapted"
    assert kind_by_name("Stadens vuxenutbildning Centrum") == "adult"
    assert kind_by_name("Björkdungens folkhögskola") == "folk"
    assert kind_by_name("Tallkottens skola") == "compulsory"


def test_large_organisers_have_a_system_for_each_form_and_one_for_absence(directory: Directory) -> None:
    own = [school for school in Schools(directory, "0180").all if school.owner == "own"]
    systems = {school.source.rpartition(":")[2] for school in own}
    assert systems == {"grundskola", "gymnasium", "vuxenutbildning"}
    assert {school.absence_source for school in own} == {"urn:se:orgnr:2120000142:franvaro"}
