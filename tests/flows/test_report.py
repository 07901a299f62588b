"""What the command line prints about files."""

import dataclasses
import json

from flows.report import Judged, as_json, as_text, exit_code, judge, unusable
from flows.sarif import as_sarif, fingerprint
from flows.terminal import as_terminal

GOOD = """\
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, {SendSIPResponse: {code: 486}}, CleanupDialog], next_state: Failed}
"""  # noqa: E501
BAD = "- {from_state: Idle, role: UAS, event: IncomingCal, next_state: Failed}\n"


def test_a_good_file_is_one_line_and_exit_code_0():
    judged = [judge("good.yaml", GOOD)]
    assert as_text(judged) == "1 file: nothing to complain about."
    assert exit_code(judged) == 0


def test_a_finding_is_printed_with_file_line_and_column():
    judged = [judge("bad.yaml", BAD), judge("good.yaml", GOOD)]
    first, *_, last = as_text(judged).splitlines()
    assert first.startswith("bad.yaml:1:40: error: No event is called IncomingCal")
    assert first.endswith("[NAM103]")
    assert last == "2 files: 1 error, 0 warnings."
    assert exit_code(judged) == 1


def test_explanations_are_shown_on_demand():
    text = as_text([judge("bad.yaml", BAD)], explain=True)
    assert "    Nothing ever gives an unknown event" in text


def test_json_has_the_files_with_their_findings():
    plain = json.loads(as_json([judge("bad.yaml", BAD)]))
    (file,) = plain["files"]
    assert file["file"] == "bad.yaml"
    finding = file["findings"][0]
    assert finding["code"] == "NAM103" and finding["severity"] == "error"
    assert (finding["line"], finding["column"]) == (1, 40)
    assert "IncomingCall" in finding["message"]


def test_a_file_that_can_not_be_read_is_exit_code_2():
    judged = [unusable("gone.yaml", "No such file."), judge("bad.yaml", BAD)]
    assert exit_code(judged) == 2
    assert "gone.yaml: No such file." in as_text(judged)
    assert json.loads(as_json(judged))["files"][0]["problem"] == "No such file."
    assert as_text([unusable("gone.yaml", "No.")]).endswith("1 file: 1 could not be read.")


def test_a_foreign_table_is_judged_in_its_own_lines():
    text = "- role: UAC\n  state: Idle\n  event: {type: MakeCal}\n  next_state: Failed\n"
    finding = next(f for f in judge("old.yaml", text).findings if f.code == "NAM103")
    assert (finding.place.line, finding.place.column) == (3, 17)


MISSPELT = "- {from_state: Idle, role: UAS, event: IncomingCal, next_state: Failed}\n"


def test_a_terminal_shows_the_line_with_a_mark_below():
    text = as_terminal([judge("bad.yaml", MISSPELT)], colour=False)
    first, excerpt, mark, *_ = text.splitlines()
    assert first.startswith("bad.yaml:1:40: error: ") and first.endswith("[NAM103]")
    assert excerpt == "    1 | " + MISSPELT.rstrip()
    assert mark.index("^") == excerpt.index("IncomingCal")
    assert mark.count("^") == len("IncomingCal")


def test_colours_come_only_when_they_are_wanted():
    judged = [judge("bad.yaml", MISSPELT)]
    assert "\x1b[31m" in as_terminal(judged)
    assert "\x1b" not in as_terminal(judged, colour=False) + as_text(judged)


def test_the_excerpt_of_a_long_line_is_cut_around_the_place():
    text = (
        "- {from_state: Idle, role: UAS, next_state: Failed, description: %s, event: IncomingCal}\n"
        % ("x " * 300)
    )
    _, excerpt, mark, *_ = as_terminal([judge("bad.yaml", text)], colour=False).splitlines()
    assert len(excerpt) < 130 and excerpt[mark.index("^") :].startswith("IncomingCal")


def test_a_terminal_is_not_moved_by_an_author_s_characters():
    text = MISSPELT.replace("IncomingCal", '"a\x85\u202eb"')
    assert "\u202e" not in as_terminal([judge("bad.yaml", text)])


def sarif(*judged):
    return json.loads(as_sarif(judged))


def test_sarif_has_the_shape_of_2_1_0():
    (run,) = sarif(judge("a b.yaml", MISSPELT), unusable("gone.yaml", "No such file."))["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "Callsmith"
    for rule in driver["rules"]:
        assert set(rule) == {
            *("id", "shortDescription", "fullDescription", "help", "defaultConfiguration")
        }
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    result = run["results"][0]
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "NAM103"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b.yaml"
    assert place["region"] == {"startLine": 1, "startColumn": 40, "endLine": 1, "endColumn": 51}
    assert run["columnKind"] == "unicodeCodePoints"
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert "gone.yaml" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_sarif_carries_the_fix_as_a_replacement():
    (fix,) = sarif(judge("bad.yaml", MISSPELT))["runs"][0]["results"][0]["fixes"]
    (change,) = fix["artifactChanges"][0]["replacements"]
    assert change["deletedRegion"]["startLine"] == 1 and change["deletedRegion"]["endLine"] == 2
    assert change["insertedContent"]["text"] == MISSPELT.replace("IncomingCal", "IncomingCall")


def test_a_fingerprint_survives_lines_that_are_put_above():
    before = judge("a.yaml", MISSPELT).findings[0]
    after = judge("a.yaml", GOOD + MISSPELT).findings
    assert fingerprint(before) in {fingerprint(finding) for finding in after}


def test_a_trace_becomes_a_code_flow():
    step = {"side": "UAS", "event": "DialogBYE", "line": 1}
    finding = dataclasses.replace(judge("a.yaml", MISSPELT).findings[0], trace=(step,))
    (result,) = sarif(Judged("a.yaml", (finding,)))["runs"][0]["results"]
    (location,) = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert location["location"]["message"]["text"] == "UAS DialogBYE"
