"""The report as a workbook: Summary, Changes, People, Held, Excluded. No cell is ever a formula or a link."""

from __future__ import annotations

import gzip
import io
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from zipfile import ZIP_DEFLATED, ZipFile

import pyarrow.compute as pc
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter
from typing_extensions import override

from trueup.reports.columns import headings
from trueup.reports.escaping import cell
from trueup.reports.sentences import CAUSE_WORDS, LABELS, age, number
from trueup.transforms.values.labels import label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trueup.reports.model import ReportView

_ROWS = 1_048_575
"""A sheet's rows below its head; what is beyond goes on in a second sheet of the name."""
_CELL = 32_767
"""Characters a cell can hold."""
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_HEAD = {"font": Font(bold=True), "border": Border(bottom=Side(style="thin")), "alignment": _WRAPPED}
_PERSON = ("name", "user_name", "decision", "event", "reason", "key", "profile_id")
_SENTENCES = ("Why", "What to do", "Figure", "Detail")
"""Columns that wrap. A style costs a cell twice its time, so the others have none."""


def xlsx(view: ReportView) -> bytes:
    """The workbook."""
    book = Workbook(write_only=True)
    book.properties.title = f"Trueup {view.run_id}"
    book.properties.created = view.at.replace(tzinfo=None)
    for name, columns, rows in _sheets(view):
        _write(book, name, columns, rows)
    book.properties.modified = datetime.now(UTC).replace(tzinfo=None)
    sink = io.BytesIO()
    ExcelWriter(book, _Archive(sink, "w", ZIP_DEFLATED)).save()
    return sink.getvalue()


class _Sheet(WorksheetWriter):
    """Keeps a sheet in memory, compressed, until the workbook takes it.

    As openpyxl has it a sheet lies in the temporary folder until then, in clear; a process that is killed leaves it.
    """

    def __init__(self, sheet: Any) -> None:
        super().__init__(sheet, gzip.GzipFile(fileobj=io.BytesIO(), mode="wb", compresslevel=1))

    @override
    def cleanup(self) -> None:
        """There is no file to remove."""


class _Archive(ZipFile):
    """Takes sheets from memory."""

    @override
    def write(self, filename: Any, arcname: Any = None, *more: Any) -> None:
        kept = filename.fileobj
        filename.close()  # its end; the memory beneath stays
        kept.seek(0)
        with gzip.GzipFile(fileobj=kept) as sheet, self.open(arcname, "w", force_zip64=True) as into:
            shutil.copyfileobj(sheet, into)


def _sheets(view: ReportView) -> Iterator[tuple[str, dict[str, int], Iterable[list[Any]]]]:
    people = headings(*_PERSON)
    yield "Summary", {"": 30, "Figure": 60, "Detail": 30}, _summary(view)
    changes = {
        **headings("name", "user_name", "decision"),
        "Attribute": 20,
        "Before": 36,
        "After": 36,
        "Cause": 24,
        "Path": 40,
        **headings("key"),
    }
    yield "Changes", changes, _changes(view)
    yield "People", people, _people(view, tuple(decision for decision in LABELS if decision != "out_of_scope"))
    yield "Held", people | headings("remedy", "held_since"), _people(view, ("hold", "conflict"), aside=True)
    yield "Excluded", people, _people(view, ("out_of_scope", "unmanaged"))


def _summary(view: ReportView) -> Iterator[list[Any]]:
    yield ["Verdict", view.verdict, view.detail]
    yield ["Asked", view.ask, ""]
    yield ["State", view.state.replace("_", " "), ""]
    yield from (["Refused", refusal.message, refusal.remedy] for refusal in view.refusals)
    for total in view.totals:
        yield [total.label, total.people, "written" if total.writes else ""]
    for limit in view.limits:
        yield [f"limit: {limit.label}", limit.use, "exceeded" if limit.tripped else limit.exempt or limit.limit]
    yield from _sums(view)
    yield from (["note", sentence, ""] for sentence in (*view.irreversible, *view.notes))
    for decision, people in view.unlisted.items():
        yield ["not listed", people, f"{LABELS[decision]}: too many for a list; see decisions.parquet"]
    yield from ([name, value, ""] for name, value in view.facts)


def _sums(view: ReportView) -> Iterator[list[Any]]:
    for line in view.attributes:
        detail = f"{number(line.changed)} changed, {number(line.filled)} filled, {number(line.emptied)} emptied"
        yield [f"attribute: {line.label}", line.total, detail]
    for cause in view.causes:
        yield [f"cause: {cause.words}", cause.changes, f"{number(cause.people)} people"]
    for event in view.events:
        yield ["event", event.people, event.words]
    for hold in view.holds:
        yield [f"held: {hold.check}", hold.people, f"{hold.reason} {hold.remedy} ({hold.oldest})"]


def _changes(view: ReportView) -> Iterator[list[Any]]:
    people = view.people.select(["name", "user_name", "decision", "key"])
    for batch in view.changes.to_batches(max_chunksize=50_000):
        owners = people.take(batch["person"]).to_pylist()
        for person, change in zip(owners, batch.to_pylist(), strict=True):
            yield [
                person["name"],
                person["user_name"],
                LABELS[person["decision"]],
                label(change["attribute"]),
                change["before_shown"],
                change["after_shown"],
                CAUSE_WORDS.get(change["cause"], change["cause"]),
                change["attribute"],
                person["key"],
            ]


def _people(view: ReportView, decisions: tuple[str, ...], *, aside: bool = False) -> Iterator[list[Any]]:
    import pyarrow as pa

    chosen = view.people.filter(pc.is_in(view.people["decision"], pa.array(decisions, pa.string())))
    for batch in chosen.to_batches(max_chunksize=50_000):
        for person in batch.to_pylist():
            row = [LABELS[person[name]] if name == "decision" else person[name] for name in _PERSON]
            yield [*row, person["remedy"], age(person["held_since"], view.at)] if aside else row


def _write(book: Workbook, name: str, columns: dict[str, int], rows: Iterable[list[Any]]) -> None:
    part, sheet, at = 1, _sheet(book, name, columns), 0
    wrapping = [title in _SENTENCES for title in columns]
    for row in rows:
        if at == _ROWS:
            part, at = part + 1, 0
            sheet = _sheet(book, f"{name} {part}", columns)
        at += 1
        sheet.append([_cell(sheet, value, wraps=one) for value, one in zip(row, wrapping, strict=True)])
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{at + 1}"


def _sheet(book: Workbook, name: str, columns: dict[str, int]) -> Any:
    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}2"
    for place, width in enumerate(columns.values(), 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    writer = _Sheet(sheet)
    writer.write_top()
    cast("Any", sheet)._writer = writer  # noqa: SLF001 - openpyxl gives no other way to say where a sheet is kept
    heads = [WriteOnlyCell(sheet, title) for title in columns]
    for head in heads:
        for name_of_style, style in _HEAD.items():
            setattr(head, name_of_style, style)
    sheet.append(heads)
    return sheet


def _cell(sheet: Any, value: Any, *, wraps: bool) -> Any:
    """Numbers as numbers, everything else as text that is neither formula nor error."""
    if value is None or isinstance(value, int):
        return value
    text = _fitting(cell(value))
    if not (wraps or text.startswith("#")):
        return text
    made = WriteOnlyCell(sheet, text)
    made.data_type = "s"
    if wraps:
        made.alignment = _WRAPPED
    return made


def _fitting(text: str) -> str:
    if len(text) <= _CELL:
        return text
    end = f" … ({number(len(text))} characters; the whole value is in changes.parquet)"
    return text[: _CELL - len(end)] + end
