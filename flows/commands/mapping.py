"""``trueup mapping check | test | explain | import | show``: look into the mapping before anything is planned."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from trueup.flows import configuration, screen
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.mapping import WrongMapping
    from trueup.transforms.mapping.cases import Answer, CaseResult
    from trueup.transforms.mapping.person import Person
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings


def check_cases(file: Path, *, as_json: bool) -> int:
    """Run a team's own mapping tests; 1 when any case fails or is refused. Needs neither source nor target."""
    from trueup.transforms.mapping.cases import check, read_cases

    results = check(read_cases(_read(file), file.name), now=datetime.now(UTC))
    passed = sum(result.ok for result in results)
    refused = sum(result.error is not None for result in results)
    failed = len(results) - passed - refused
    if as_json:
        cases = [asdict(result) for result in results]
        screen.document({"passed": passed, "failed": failed, "refused": refused, "cases": cases})
    else:
        for result in results:
            if not result.ok:
                screen.say(_failed_case(result))
        screen.say(f"{passed} passed, {failed} failed, {refused} refused.")
    return Exit.DONE if passed == len(results) else Exit.FAILED


def _failed_case(result: CaseResult) -> Text:
    if result.error is not None:
        return Text.assemble(("refused ", "yellow"), screen.visible(f"{result.id}: {result.error}"))
    got, expected = _shown(result.got), _shown(result.expected)
    return Text.assemble(("failed  ", "bold red"), screen.visible(f"{result.id}: got {got}, expected {expected}"))


def explain_expression(expression: str, *, as_json: bool) -> int:
    """Show how an expression is read and the SQL it becomes.

    Raises:
        Misused: it does not parse or cannot be run; the message has a caret under the place.
    """
    from trueup.transforms.mapping import WrongExpression
    from trueup.transforms.mapping.explaining import explained

    try:
        found = explained(expression, at=datetime.now(UTC))
    except WrongExpression as wrong:
        raise wrong.placed(expression) from wrong
    if as_json:
        screen.document(asdict(found))
        return Exit.DONE
    screen.say(f"{found.expression}\n")
    screen.say(f"gives   {found.kind}" + (f"   (reads {', '.join(found.columns)})" if found.columns else ""))
    screen.say(f"\n{found.sql}")
    return Exit.DONE


def trace_person(config: Path, user: str, *, run: str = "", attributes: tuple[str, ...] = (), as_json: bool) -> int:
    """Show what the mapping as configured now makes of one person of a run's source snapshot.

    Args:
        config: the configuration file.
        user: object id, user name or e-mail.
        run: whose snapshot; the newest that has one when empty.
        attributes: only these target attributes.
        as_json: one JSON document instead of text.

    Raises:
        Misused: no such person or attribute.
        Failed: no run has read the source yet.
    """
    from trueup.flows import run_context
    from trueup.transforms.mapping.person import examine

    settings = configuration.load(config)
    mapping = run_context.load_mapping(settings)
    known = {attribute.path.lower(): attribute.path for attribute in mapping.attributes}
    if unknown := [path for path in attributes if path.lower() not in known]:
        raise Misused(f"The mapping has no attribute {unknown[0]}.", remedy="trueup mapping show lists them.")
    files = _snapshot(settings, run)
    person = examine(mapping, settings.source, files, user, at=datetime.now(UTC))
    chosen = {known[path.lower()] for path in attributes} or set(known.values())
    if as_json:
        screen.document(_person_document(person, files.run_id, chosen))
    else:
        _say_person(person, files.run_id, chosen)
    return Exit.DONE


def _snapshot(settings: Settings, run: str) -> RunFiles:
    from trueup.connectors.archive import open_archive

    archive = open_archive(settings, writable=False)
    if run:
        return archive.load(run).files
    for prior in archive.runs():
        if prior.files.source.exists():
            return prior.files
    raise Failed("No run has read the source yet.", remedy="Run trueup plan first; it writes nothing to the target.")


def _person_document(person: Person, run_id: str, chosen: set[str]) -> dict[str, Any]:
    rows = [
        {
            "attribute": one.path,
            "expression": one.expression,
            "value": one.value,
            "left_alone": one.left_alone,
            "parts": [{"expression": text, **asdict(answer)} for text, answer in one.parts],
        }
        for one in person.attributes
        if one.path in chosen
    ]
    return {
        "run_id": run_id,
        "key": person.key,
        "in_scope": person.in_scope,
        "excluded_by": person.excluded_by,
        "held": person.held,
        "attributes": rows,
    }


def _say_person(person: Person, run_id: str, chosen: set[str]) -> None:
    scope = "in scope" if person.in_scope else f"not in scope: {person.excluded_by}"
    screen.say(f"{person.key} in the source of {run_id}: {scope}")
    if person.held:
        screen.say(Text.assemble(("set aside: ", "yellow"), screen.visible(person.held)))
    for one in person.attributes:
        if one.path not in chosen:
            continue
        value = "left alone" if one.left_alone else _shown(one.value)
        screen.say(Text.assemble(("\n" + screen.visible(one.path), "bold"), f" = {screen.visible(value)}"))
        for text, answer in one.parts:
            screen.say(f"    {text}  →  {_answer(answer)}")


def _answer(answer: Answer) -> str:
    if answer.error is not None:
        return f"set aside: {answer.error}"
    return {"ignore-attribute": "left alone", "ignore-object": "passed over"}.get(answer.flow) or _shown(answer.value)


def _shown(value: Any) -> str:
    import json

    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def import_schema(file: Path, *, output: Path | None, skip: tuple[str, ...] = ()) -> int:
    """Write the TOML that means what an exported ``synchronizationSchema`` means; what is not honoured is said.

    Args:
        file: the document.
        output: where the TOML goes; stdout where it is None.
        skip: target attributes that are left out.

    Raises:
        Misused: no such document, rows or filters that cannot be kept (all of them), nothing of that name to skip,
            or an output that is already there.
    """
    from trueup.transforms.mapping import WrongMapping, load_mapping
    from trueup.transforms.mapping.schema_import import other_types
    from trueup.transforms.mapping.toml_text import as_toml
    from trueup.transforms.settings import MappingSettings

    text = _read(file)
    settings = MappingSettings.model_validate({"import": file.name})
    try:
        mapping = load_mapping(settings, read_text=lambda _: text, skip=skip)
    except WrongMapping as wrong:
        raise Misused(wrong.message, remedy=_without(file, wrong, skip)) from wrong
    written = as_toml(mapping, where=file.name)
    for note in mapping.notes:
        screen.note(f"Not honoured: {note}.")
    for path, wanted in other_types(text, file.name, mapping.attributes).items():
        screen.note(
            f"{path}: the mapping gives text, the target's schema in the document says {wanted}: other text is "
            "refused there. Change the expression, or expect people whose value the target does not take."
        )
    if output is None:
        sys.stdout.write(written)
        return Exit.DONE
    try:
        with output.open("x", encoding="utf-8") as target:
            target.write(written)
    except FileExistsError as error:
        raise Misused(f"{output} is already there.", remedy="Name another --output.") from error
    except OSError as error:
        raise Failed(f"{output} cannot be written ({type(error).__name__}).") from error
    screen.note(f"Wrote {output}.")
    return Exit.DONE


def _without(file: Path, wrong: WrongMapping, skip: tuple[str, ...]) -> str:
    """The command that takes the rest of the document, as far as leaving rows out is enough."""
    given = " ".join(f"--skip {shlex.quote(path)}" for path in (*skip, *wrong.paths))
    offer = f"To leave out what cannot be kept: trueup mapping import {shlex.quote(str(file))} {given}"
    said = [wrong.remedy] if wrong.remedy else []
    if wrong.others:
        said.append("A scoping filter decides who is in scope and is never left out: correct it in the document.")
    return "\n".join([*said, offer] if wrong.paths else said)


def show_mapping(config: Path, *, as_json: bool) -> int:
    """Show every target attribute with its expression, and what is worth knowing."""
    from trueup.flows import run_context

    settings = configuration.load(config)
    mapping = run_context.load_mapping(settings)
    if as_json:
        rows = [asdict(attribute) for attribute in mapping.attributes]
        screen.document({"attributes": rows, "matching": list(settings.matching.by), "notes": list(mapping.notes)})
        return Exit.DONE
    for attribute in mapping.attributes:
        remarks = [attribute.kind] * (attribute.kind != "text") + ["required"] * attribute.required
        remarks += ["on creation only"] * (attribute.apply == "create")
        remarks += [f"default {_shown(attribute.default)}"] * (attribute.default is not None)
        said = f"   ({', '.join(remarks)})" if remarks else ""
        screen.say(
            Text.assemble(
                (screen.visible(attribute.path), "bold"),
                f" ← {screen.visible(attribute.expression) or 'nothing'}{said}",
            )
        )
    for note in mapping.notes:
        screen.say(Text.assemble(("note: ", "yellow"), screen.visible(note)))
    return Exit.DONE


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"{file} cannot be read ({type(error).__name__}).", remedy="Name a readable file.") from error
