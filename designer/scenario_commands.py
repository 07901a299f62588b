"""The verb `test`: play scenarios against a table and say what went otherwise.

A file needs neither database nor settings; a flow's name asks the database for its newest version
and, without `--scenarios`, for the scenarios that belong to it.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from designer.scenario_files import ScenarioFile
    from designer.scenarios import Judged, Scenario
    from flows.table import Table

DONE, FAILED, UNUSABLE = 0, 1, 2
MUTANT_SECONDS = 600.0


class Unusable(Exception):
    """The test can not be made; the text says why."""


def add_parser(verbs: Any, finish: Any) -> None:
    """Add the verb to the command line's parser."""
    parser: ArgumentParser = verbs.add_parser("test", help="play scenarios against a flow")
    parser.add_argument("flow", metavar="FLOW|FILE", help="a YAML file, or the name of a flow")
    parser.add_argument(
        "--scenarios",
        metavar="DIR|FILE",
        action="append",
        help="else the folder `scenarios` beside the file, or those kept with the flow",
    )
    parser.add_argument(
        "--version", type=int, help="of a saved flow: play on this one (the newest by default)"
    )
    parser.add_argument(
        "--mutants", action="store_true", help="say which small changes no test would notice"
    )
    parser.add_argument(
        "--export", metavar="DIR", help="write them as files for pytest and SIPp into this folder"
    )
    parser.add_argument("--verbose", action="store_true", help="name the ones that hold as well")
    finish(parser, run, needs_django=lambda options: not _is_file(options.flow))


def run(options: Namespace) -> int:
    """Play scenarios: 0 all hold, 1 some do not, 2 the table or a scenario cannot be used."""
    from designer.commands import answer, refuse
    from designer.scenarios import judge
    from flows import plugins

    plugins.load()
    try:
        name, table = _table(options.flow, options.version)
        found = [(where, s) for where, file in _files(options, name) for s in file.scenarios]
        if not found:
            raise Unusable(f"There is no scenario for {name}.")
        if options.export:
            return _export(options, name, table, [scenario for _, scenario in found])
        if options.mutants:
            return _mutants(options, name, table, [scenario for _, scenario in found])
        judged = [(where, judge(table, scenario)) for where, scenario in found]
    except Unusable as problem:
        return refuse(options, str(problem), UNUSABLE)
    text = _as_text(name, table, judged, verbose=options.verbose)
    answer(options, _as_data(name, table, judged), text)
    return DONE if all(one.holds for _, one in judged) else FAILED


def _export(options: Namespace, name: str, table: Table, found: list[Scenario]) -> int:
    """Write the tests as files that run elsewhere: 0 done, 2 the folder cannot be used."""
    from designer.commands import answer
    from designer.scenario_export import files

    given = options.flow
    text = _read(Path(given)) if _is_file(given) else _text_of_flow(given, options.version)
    written = []
    try:
        for path, content in files(name, text, table, found):
            place = Path(options.export) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content)
            written.append(str(place))
    except OSError as error:
        raise Unusable(f"{error.filename}: {error.strerror}") from None
    answer(options, {"flow": name, "files": written}, "\n".join(written))
    return DONE


def _mutants(options: Namespace, name: str, table: Table, found: list[Scenario]) -> int:
    """Say which small changes survive: 0 none at rows that tests take, 1 some do."""
    from designer.commands import answer
    from designer.mutants import tried
    from designer.scenario_files import write_scenarios

    texts = [write_scenarios(name, [each]) for each in found]
    told = tried(table, texts, MUTANT_SECONDS, lambda share, searched: None)
    lines = [f"  line {each['line']:>4}  {each['words']}" for each in told["survivors"]]
    lines.append(
        f"{name}: {told['killed']} of {told['looked']} small changes are noticed by"
        f" {told['tests']} tests; {len(told['survivors'])} at rows that they take are not,"
        f" {told['bare']} are at rows that none takes."
    )
    answer(options, {"flow": name, "digest": table.digest, **told}, "\n".join(lines))
    return FAILED if told["survivors"] else DONE


# -- what is tested --------------------------------------------------------------------------------


def _is_file(name: str) -> bool:
    return Path(name).suffix in (".yaml", ".yml") or Path(name).is_file()


def _table(name: str, number: int | None) -> tuple[str, Table]:
    from flows.compile import compile_text
    from flows.dialects import import_text

    if number is not None and _is_file(name):
        raise Unusable("A file has no versions: --version goes with the name of a saved flow.")
    text = _read(Path(name)) if _is_file(name) else _text_of_flow(name, number)
    table = compile_text(import_text(text).text).table
    if table is None:
        raise Unusable(f"{name} does not compile; `check` says why.")
    return table.name or Path(name).stem, table


def _files(options: Namespace, name: str) -> Iterable[tuple[str, ScenarioFile]]:
    """Yield each file of scenarios for this flow; those of other flows are passed over."""
    if options.scenarios:
        paths = [path for given in options.scenarios for path in _paths(Path(given))]
    elif _is_file(options.flow):
        paths = _paths(Path(options.flow).parent / "scenarios")
    else:
        yield from _kept_with(options.flow)
        return
    for path in paths:
        file = _parsed(str(path), _read(path))
        if file.flow in ("", name, Path(options.flow).stem):
            yield str(path), file


def _paths(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(each for each in path.iterdir() if each.suffix in (".yaml", ".yml"))
    if not path.exists():
        raise Unusable(f"{path} is not there.")
    return [path]


def _read(path: Path) -> str:
    from flows.document import MAX_BYTES

    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise Unusable(f"{path} is larger than {MAX_BYTES >> 20} MiB.")
        return raw.decode()
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path} is no text in UTF-8.") from None


def _parsed(where: str, text: str) -> ScenarioFile:
    from designer.scenario_files import BadScenario, read_scenarios

    try:
        return read_scenarios(text)
    except BadScenario as problem:
        raise Unusable(f"{where}: {problem}") from None


def _text_of_flow(name: str, number: int | None) -> str:
    from designer import selectors

    flow = selectors.flow_named(name)
    if flow is None:
        raise Unusable(f"There is no file and no saved flow named {name}.")
    version = (
        selectors.newest_version(flow) if number is None else selectors.version_of(flow, number)
    )
    if version is None:
        raise Unusable(f"{name} has no version {'yet' if number is None else number}.")
    return version.text


def _kept_with(name: str) -> Iterable[tuple[str, ScenarioFile]]:
    from designer.models import Scenario

    for kept in Scenario.objects.filter(flow__name=name).order_by("name"):
        yield kept.name, _parsed(kept.name, kept.text)


# -- what is said ----------------------------------------------------------------------------------


def _as_text(name: str, table: Table, judged: list[tuple[str, Judged]], *, verbose: bool) -> str:
    lines = []
    for where, one in judged:
        if one.holds:
            if verbose:
                lines.append(f"  holds  {one.scenario.name}")
            continue
        lines.append(f"  FAILS  {one.scenario.name}  ({where})")
        lines += [
            f"         step {number}, {_what(one, number)}: {sentence}"
            for number, sentence in one.differences
        ]
    held, fired = sum(one.holds for _, one in judged), _fired(judged)
    lines.append(
        f"{name}: {held} of {len(judged)} scenarios hold; "
        f"{len(fired)} of {len(table.rows)} rows fired in them."
    )
    return "\n".join(lines)


def _what(one: Judged, number: int) -> str:
    given = one.scenario.run.inputs[number - 1]
    if given.kind in ("event", "deliver", "lose"):
        name = str(getattr(given, given.kind))
        return name if given.kind == "event" else f"{given.kind} {name}"
    if given.wait is not None:
        return f"wait {given.wait:g} s"
    return "the next timer" if given.due else given.kind


def _fired(judged: list[tuple[str, Judged]]) -> set[int]:
    return {row for _, one in judged for row in one.rows}


def _as_data(name: str, table: Table, judged: list[tuple[str, Judged]]) -> dict[str, Any]:
    return {
        "flow": name,
        "digest": table.digest,
        "rows": len(table.rows),
        "fired": sorted(_fired(judged)),
        "scenarios": [
            {
                "file": where,
                "name": one.scenario.name,
                "holds": one.holds,
                "steps": one.steps,
                "differences": [
                    {"step": number, "message": sentence} for number, sentence in one.differences
                ],
            }
            for where, one in judged
        ],
    }
