import msgspec
import pytest

from runtime.node.calling import NewCall
from runtime.node.routes import Route, RouteTable, When, matches, misses


def to(number, **more):
    """A call to this number."""
    return NewCall("sip:+4930123@carrier.example", number, **more)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("1000", "1000", True),
        ("1000", "10000", False),
        ("1?00", "1900", True),
        ("1?00", "100", False),
        ("*", "", True),
        ("*", "anybody", True),
        ("+49*", "+4930123", True),
        ("+49*", "+50", False),
        ("*99*1", "12991991", True),
        ("a*b*c", "aXbYbZc", True),
        ("a*b*c", "aXbYbZ", False),
        ("Alice", "alice", False),
        ("?", "", False),
        ("[0-9]", "5", False),
        (".*", "x", False),
    ],
)
def test_a_pattern_matches_the_whole_user_part(pattern, text, expected):
    assert matches(pattern, text) is expected


@pytest.mark.timeout(20)
def test_a_hostile_pattern_is_matched_without_trying_every_way():
    assert not matches("*a" * 60, "a" * 59 + "b" * 200)


def test_the_first_match_wins_and_anybody_comes_last():
    table = RouteTable([Route("*", "rest"), Route("10*", "tens"), Route("1000", "never")])
    assert [route.pattern for route in table] == ["10*", "1000", "*"]
    assert table.find(to("1000")) == Route("10*", "tens")
    assert table.find(to("bob")) == Route("*", "rest")


def test_no_route_is_none():
    assert RouteTable([Route("1000", "echo")]).find(to("1001")) is None


def test_an_added_route_goes_above_the_others():
    table = RouteTable([Route("10*", "tens"), Route("*", "rest")])
    table.add(Route("1000", "one"))
    assert table.find(to("1000")) == Route("1000", "one")
    table.add(Route("2000", "two"))
    assert [route.pattern for route in table] == ["2000", "1000", "10*", "*"]


def test_the_same_pattern_again_replaces_in_its_place():
    table = RouteTable([Route("1000", "a"), Route("*", "rest")])
    table.add(Route("*", "other"))
    assert [(route.pattern, route.flow) for route in table] == [("1000", "a"), ("*", "other")]


@pytest.mark.parametrize("pattern", ["", "a b", "a\n", "x" * 129])
def test_a_senseless_pattern_is_refused_and_changes_nothing(pattern):
    table = RouteTable([Route("1000", "a")])
    with pytest.raises(ValueError):
        table.add(Route(pattern, "b"))
    with pytest.raises(ValueError):
        table.replace([Route(pattern, "b")])
    assert list(table) == [Route("1000", "a")]


@pytest.mark.parametrize(
    ("when", "call", "why"),
    [
        (When(sources=("203.0.113.0/24",)), {"source": "203.0.113.20"}, None),
        (When(sources=("203.0.113.0/24",)), {"source": "203.0.114.20"}, "does not come from"),
        (When(sources=("203.0.113.7",)), {}, "does not come from"),
        (When(sources=("10.0.0.0/8", "2001:db8::/32")), {"source": "2001:db8::7"}, None),
        (When(caller="+4930*"), {}, None),
        (When(caller="+4940*"), {}, "the caller is not"),
        (When(caller="*@Carrier.example"), {}, None),
        (When(caller="*@other.example"), {}, "the caller is not"),
        (When(domain="Desk.example"), {"domain": "desk.EXAMPLE"}, None),
        (When(domain="*.example"), {"domain": "desk.test"}, "the domain is not"),
        (When(web_user="anna"), {"web_user": "anna"}, None),
        (When(web_user="*"), {}, "not the phone of"),
        (When(header="X-Campaign", value="winter*"), {}, "no X-Campaign is"),
    ],
)
def test_each_condition_lets_through_what_fits_and_says_why_not(when, call, why):
    said = misses(Route("*", "flow", when), to("100", **call))
    assert said is None if why is None else why in said


def test_a_header_fits_if_one_of_its_values_does():
    headers = {"x-campaign": ["summer", "winter-7"]}
    call = to("100", header=lambda name: headers.get(name.lower(), []))
    when = When(header="X-Campaign", value="winter*")
    assert misses(Route("*", "flow", when), call) is None


def test_anybody_under_a_condition_keeps_its_place_and_only_anybody_at_all_comes_last():
    trunk = Route("*", "trunk", When(sources=("10.0.0.0/8",)))
    table = RouteTable([Route("*", "rest"), trunk, Route("1*", "ones")])
    assert [route.flow for route in table] == ["trunk", "ones", "rest"]
    assert table.find(to("100", source="10.1.1.1")).flow == "trunk"
    assert table.find(to("100", source="9.9.9.9")).flow == "ones"


@pytest.mark.parametrize(
    "when",
    [
        When(sources=("here",)),
        When(sources=("10.0.0.0/33",)),
        When(sources=("10.0.0.1",) * 65),
        When(header="X Campaign", value="*"),
        When(header="X-Campaign"),
        When(value="winter"),
        When(caller="a b"),
        When(domain="x" * 129),
    ],
)
def test_a_condition_that_could_never_be_true_is_refused(when):
    with pytest.raises(ValueError, match="."):
        RouteTable([Route("1", "flow", when)])


def test_the_same_number_under_other_conditions_is_another_route():
    one, two = When(domain="a.example"), When(domain="b.example")
    table = RouteTable([Route("1", "a", one), Route("1", "b", two)])
    table.add(Route("1", "c", two))
    assert [route.flow for route in table] == ["a", "c"]
    with pytest.raises(ValueError, match="twice"):
        table.replace([Route("1", "a", one), Route("1", "b", one)])


def test_routes_kept_on_disk_by_an_older_node_are_still_read():
    assert msgspec.json.decode(b'[["1*", "echo"]]', type=list[Route]) == [Route("1*", "echo")]
    kept = [Route("1*", "echo", When(sources=("10.0.0.0/8",)))]
    assert msgspec.json.decode(msgspec.json.encode(kept), type=list[Route]) == kept
