"""What the command line prints about files."""

import json

from flows.report import as_json, as_text, exit_code, judge, unusable

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
