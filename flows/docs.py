"""The generated pages of docs: the catalogue of rules, the language, the schema.

`python -m flows.docs` writes them; a test holds them equal to what they are made from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from flows.check.catalogue import (
    IMPLEMENTED,
    LATER,
    Entry,
    Family,
    catalogue,
    families,
    found_in,
    standing,
)
from flows.language_page import language
from flows.schema import json_schema

FOLDER = Path(__file__).parents[1] / "docs"
SCHEMA = "callflow.schema.json"
_MADE = "<!-- Made by `make docs`; change flows/rules instead. -->"


def pages() -> dict[str, str]:
    """Return the text of every generated page by its path below docs."""
    return {
        "language.md": language(),
        SCHEMA: json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n",
        "rules/README.md": _overview(),
        **{f"rules/{family.name}.md": _page(family) for family in families()},
    }


def write(folder: Path = FOLDER) -> list[str]:
    """Write the pages that differ; return their paths."""
    written: list[str] = []
    for name, text in pages().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            written.append(name)
    return written


def _overview() -> str:
    return "\n".join(_overview_lines()) + "\n"


def _overview_lines() -> Iterator[str]:
    entries = catalogue().values()
    done = sum(entry.status == IMPLEMENTED for entry in entries)
    later = sum(entry.status == LATER for entry in entries)
    yield from ("# The catalogue of rules", "", _MADE, "")
    yield (
        f"{len(entries)} codes: {done} are looked for, {len(entries) - done - later} do not apply "
        f"to this product (each says why), {later} are not looked for yet. A code is never reused "
        "and never renumbered. Only an error keeps a version from being deployed."
    )
    yield from ("", "`callsmith check --explain CODE` prints the same on the command line.", "")
    yield from ("| family | about | codes |", "|---|---|---|")
    for family in families():
        codes = " ".join(f"[{e.code}]({family.name}.md#{e.code.lower()})" for e in family.entries)
        yield f"| [{family.title}]({family.name}.md) | {family.about} | {codes} |"


def _page(family: Family) -> str:
    lines = [f"# {family.name}: {family.title}", "", _MADE, "", family.about, ""]
    lines += ["| code | severity | rule | |", "|---|---|---|---|"]
    for entry in family.entries:
        mark = "" if entry.status == IMPLEMENTED else entry.status
        link = f"[{entry.code}](#{entry.code.lower()})"
        lines.append(f"| {link} | {entry.severity.value} | {entry.rule} | {mark} |")
    for entry in family.entries:
        lines += ["", *_section(entry)]
    return "\n".join(lines) + "\n"


def _section(entry: Entry) -> Iterator[str]:
    yield from (f"## {entry.code}", "", f"**{entry.rule}** ({entry.severity.value})", "", entry.why)
    if entry.severity_note:
        yield from ("", entry.severity_note)
    yield from ("", standing(entry))
    if entry.old:
        yield from ("", f"{entry.beside}:", "", "```yaml", entry.old.rstrip(), "```")
    if entry.table:
        shown = entry.bad if entry.bad else entry.good
        yield from ("", f"{found_in(entry)}:", "", "```yaml", shown.rstrip(), "```")
        if entry.bad:
            yield from ("", "Free of it:", "", "```yaml", entry.good.rstrip(), "```")
    elif entry.bad:
        language = "python" if entry.plugin else "yaml"
        yield from ("", f"{found_in(entry)}:", "", f"```{language}", entry.bad.rstrip(), "```")
        yield from ("", "Free of it:", "", f"```{language}", entry.good.rstrip(), "```")


def main() -> None:
    """Write what changed."""
    write()


if __name__ == "__main__":
    main()
