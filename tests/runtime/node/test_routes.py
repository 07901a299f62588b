import pytest

from runtime.node.routes import Route, RouteTable, matches


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
    assert table.find("1000") == Route("10*", "tens")
    assert table.find("bob") == Route("*", "rest")


def test_no_route_is_none():
    assert RouteTable([Route("1000", "echo")]).find("1001") is None


def test_an_added_route_goes_above_the_others():
    table = RouteTable([Route("10*", "tens"), Route("*", "rest")])
    table.add(Route("1000", "one"))
    assert table.find("1000") == Route("1000", "one")
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
