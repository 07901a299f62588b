"""Reading YAML: places, limits, and the sentence for each way a text can be broken."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import document
from flows.document import Mapping, Scalar, Sequence, read


def codes(text: str) -> list[tuple[str, int]]:
    return [(finding.code, finding.place.line) for finding in read(text).findings]


def scalars(node: document.Node) -> list[Scalar]:
    if isinstance(node, Scalar):
        return [node]
    if isinstance(node, Sequence):
        return [found for item in node.items for found in scalars(item)]
    return [found for entry in node.entries for found in (entry.key, *scalars(entry.value))]


# -- nodes ----------------------------------------------------------------------------------------


def test_a_scalar_knows_its_characters_line_and_column():
    root = read("name: echo\nstates:\n  Idle: {initial: true}\n").root
    assert isinstance(root, Mapping)
    states = root.get("states")
    assert isinstance(states, Mapping)
    key = states.entries[0].key
    assert (key.text, key.start, key.end) == ("Idle", 21, 25)
    assert (key.place.line, key.place.column, key.place.end_column) == (3, 3, 7)
    assert key.span.place == key.place


def test_offsets_count_characters_and_not_bytes():
    text = "ä: ö\nb: [ü, '😀', x]\n"
    root = read(text).root
    assert root is not None
    assert [text[s.start : s.end] for s in scalars(root)] == ["ä", "ö", "b", "ü", "'😀'", "x"]


def test_a_byte_order_mark_shifts_no_offset():
    text = "\ufeffa: b\n"
    root = read(text).root
    assert root is not None
    assert [text[s.start : s.end] for s in scalars(root)] == ["a", "b"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_with_every_kind_of_line_end(newline):
    text = newline.join(["a: 1", "b: 2", "a: 3", ""])
    assert codes(text) == [("SYN002", 3)]


def test_nothing_is_made_of_a_value_but_text():
    root = read("on: No\ncode: 0486\nempty:\ntime: 1:30\n").root
    assert isinstance(root, Mapping)
    values = [(e.key.text, plain.text, plain.coerced) for e in root.entries if (plain := e.value)]
    assert values == [
        ("on", "No", "bool"),
        ("code", "0486", None),
        ("empty", "", "null"),
        ("time", "1:30", "int"),
    ]
    assert root.entries[0].key.coerced == "bool"


def test_a_quoted_value_is_never_coerced():
    root = read("a: 'No'\n").root
    assert isinstance(root, Mapping)
    value = root.get("a")
    assert isinstance(value, Scalar)
    assert (value.text, value.plain, value.coerced) == ("No", False, None)


@pytest.mark.parametrize(
    "text", ["No", "on", "0486", "12", "1e5", "~", "1_000", "0x1F", "1:30", ".5"]
)
def test_coercion_says_what_yaml_1_1_says(text):
    value = yaml.safe_load(text)
    names = {bool: "bool", int: "int", float: "float", type(None): "null"}
    assert document.coercion(text) == names.get(type(value))


def test_a_block_ends_with_its_last_value_and_not_with_what_follows():
    text = "a:\n- x\n\n# comment\nb: 1\n"
    root = read(text).root
    assert isinstance(root, Mapping)
    assert text[root.entries[0].value.start : root.entries[0].value.end] == "- x"


def test_an_alias_has_its_own_place_and_the_content_of_its_anchor():
    text = "a: &x [1, 2]\nb: *x\n"
    root = read(text).root
    assert isinstance(root, Mapping)
    alias = root.get("b")
    assert isinstance(alias, Sequence)
    assert alias.alias and text[alias.start : alias.end] == "*x"
    assert [item.text for item in alias.items if isinstance(item, Scalar)] == ["1", "2"]


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n"])
def test_an_empty_text_has_no_root_and_no_finding(text):
    found = read(text)
    assert (found.root, found.findings) == (None, [])


# -- what cannot be read --------------------------------------------------------------------------

BROKEN = {
    "a tab as indentation": ("a:\n\tb: 1\n", 2, "tab"),
    "a tab before a dash": ("- a: 1\n  b: 2\n\t- c\n", 3, "tab"),
    "a double quote that is not closed": ('- a: 1\n- b: "x\n  c: 1\n', 2, "not closed"),
    "a quote closed by the next one": ('- a: "x\n  b: 1\n- c: "y"\n', 1, "not closed"),
    "a single quote that is not closed": ("a: 1\nb: 'x\nc: 2\n", 2, "not closed"),
    "a bracket that is not closed": ("- {a: [b, c]\n- {d: 1}\n", 1, "not closed"),
    "the wrong bracket": ("- {a: [b, c}\n- {d: 1}\n", 1, "missing here"),
    "a key that is indented too far": ("a: 1\n  b: 2\n", 2, "indentation"),
    "a word without a colon": ("a: 1\nfoo\nb: 2\n", 2, "`:` is missing"),
    "a value that begins with an at sign": ("a: 1\nb: @x\n", 2, "quote the value"),
    "an unknown alias": ("a: 1\nb: *x\n", 2, "names nothing"),
    "a second document": ("a: 1\n---\nb: 2\n", 2, "one document"),
    "a list as a key": ("? [a]\n: b\n", 1, "one word"),
    "a NUL byte": ("a: 1\nb: \0\n", 2, "U+0000"),
    "half a character": ("a: \ud800\n", 1, "U+D800"),
    "a control character": ("a: 1\n# \x1b[31m\n", 2, "U+001B"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_text_is_explained_at_the_line_to_blame(name):
    text, line, words = BROKEN[name]
    finding = read(text).findings[0]
    assert (finding.code, finding.place.line) == ("SYN001", line)
    assert words in finding.message


def test_a_quoted_text_over_several_lines_is_not_blamed_for_a_later_mistake():
    found = read('a: "one\n  two"\nb: 1\n c: 2\n')
    assert [f.place.line for f in found.findings] == [4]


def test_a_key_written_twice_is_a_finding_and_the_rest_is_read():
    found = read("- {a: 1, b: 2, a: 3}\n")
    assert [(f.code, f.place.column) for f in found.findings] == [("SYN002", 16)]
    assert found.root is not None and not found.readable


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [x]\n",
        "- !foo x\n",
        "a: !!binary aGk=\n",
        "a: !!set {x}\n",
        "!!python/name:os.system ''\n",
    ],
)
def test_a_tag_that_asks_for_more_than_text_is_refused(text):
    found = read(text)
    assert found.root is None
    assert [finding.code for finding in found.findings] == ["SYN007"]


def test_the_tags_of_plain_values_are_harmless():
    root = read("a: !!str 12\n").root
    assert isinstance(root, Mapping)
    value = root.get("a")
    assert isinstance(value, Scalar) and value.text == "12" and value.coerced is None


# -- limits ---------------------------------------------------------------------------------------


def bomb(levels: int) -> str:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for level in range(levels):
        name, inner = chr(98 + level), chr(97 + level)
        lines.append(f"{name}: &{name} [{','.join(['*' + inner] * 9)}]")
    return "\n".join(lines)


LIMITS = {
    "an alias bomb of nine levels": bomb(9),
    "20,000 nested flow lists": "[" * 20_000,
    "20,000 nested block lists": "- " * 20_000,
    "nested mappings": "{a: " * 5_000,
    "60,000 values": "- a\n" * 60_000,
    "200,000 anchors": "".join(f"- &a{i} x\n" for i in range(100_000)),
    "101 aliases": "a: &a x\nb:\n" + "- *a\n" * 101,
    "an anchor that contains itself": "a: &x [*x]\n",
    "depth through aliases": "a0: &a0 " + "[" * 30 + "]" * 30 + "\na1: [[[*a0]]]\n",
    "10 MB": "a: " + "x" * (10 << 20),
    "1 MiB in two-byte letters": "a: " + "ä" * (600 << 10),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_a_finding_and_stops_the_reading(name):
    found = read(LIMITS[name])
    assert [finding.code for finding in found.findings] == ["SYN007"]
    assert found.root is None


def test_the_limits_themselves_are_allowed():
    assert read("[" * 32 + "]" * 32).findings == []
    assert read("a: &a x\nb:\n" + "- *a\n" * 100).findings == []
    assert read("- a\n" * 49_999).findings == []


def test_a_number_of_100_000_digits_is_text_like_any_other():
    root = read("a: " + "1" * 100_000).root
    assert isinstance(root, Mapping)
    value = root.get("a")
    assert isinstance(value, Scalar) and len(value.text) == 100_000


# -- anything at all ------------------------------------------------------------------------------

YAMLISH = st.text(st.sampled_from("ab:-,[]{}&*!|>'\"%@`#?\\ \n\t\r\0\x85\u2028\ufeff\ud800ä<~"))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), YAMLISH))
def test_reading_never_raises(text):
    found = read(text)
    for finding in found.findings:
        assert finding.place.line >= 1 and finding.message.endswith(".")
    if found.root is not None:
        for value in scalars(found.root):
            assert 0 <= value.start <= value.end <= len(text)


@settings(max_examples=300, deadline=None)
@given(YAMLISH)
def test_what_is_read_is_what_the_yaml_library_composes(text):
    found = read(text)
    try:
        node = yaml.compose(text, yaml.CBaseLoader) if "\ufeff" not in text else None
    except (yaml.YAMLError, UnicodeError):
        assert found.findings
        return
    if found.root is not None and node is not None and not found.findings:
        assert texts(found.root) == composed(node)


def texts(node: document.Node):
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [texts(item) for item in node.items]
    return [(entry.key.text, texts(entry.value)) for entry in node.entries]


def composed(node: yaml.Node):
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [composed(item) for item in node.value]
    return [(key.value, composed(value)) for key, value in node.value]
