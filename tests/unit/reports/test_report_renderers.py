"""Every renderer: the same view, complete and harmless."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from tests.support.renderings import printed, run_of
from tests.support.report_cases import CASES, HOSTILE, ordinary
from tests.support.report_runs import AT, RUN_ID, Case, key_of, someone, write_run
from trueup.reports import FORMS, rendered, show, write_reports
from trueup.reports.assets import assets, grid_script
from trueup.reports.details import Beside
from trueup.reports.html import Review, parted_visibly, render_html
from trueup.reports.markdown import render_markdown
from trueup.reports.spreadsheet import xlsx
from trueup.reports.terminal import render_terminal
from trueup.reports.view import build_view
from trueup.transforms.errors import Failed, Misused, Refusal
from trueup.transforms.history import History, PriorRun
from trueup.transforms.links import Links
from trueup.transforms.manifest import ActRecord
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trueup.reports.model import ReportView

_OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class _Page(HTMLParser):
    """Elements, attributes and the text of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.inside = tag
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[-1] += data


@pytest.mark.parametrize("name", CASES)
def test_the_page_is_self_contained(name: str, view_of: Callable[[str], ReportView]) -> None:
    page = _Page()
    page.feed(render_html(view_of(name)))
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "link", "object", "base", "embed")]
    for tag, attributes in page.tags:
        assert not {"src", "style"} & set(attributes), tag
        assert not [attribute for attribute in attributes if attribute.startswith("on")], tag
        assert (attributes.get("href") or "#").startswith("#")
    names = Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    assert [one for one, times in names.items() if times > 1] == [], "two places of one name"


def test_the_policy_allows_this_script_and_style_only(view_of: Callable[[str], ReportView]) -> None:
    policy = next(
        attributes["content"]
        for tag, attributes in _tags(render_html(view_of("ordinary")))
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "connect-src 'none'" in policy


def _tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Page()
    parser.feed(page)
    return parser.tags


def test_the_data_of_the_page_holds_every_change(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("hostile")
    parser = _Page()
    parser.feed(render_html(view))
    data = json.loads(parser.scripts[0])
    assert len(data["changes"]["attribute"]) == view.changes.num_rows
    assert len(data["people"]["key"]) == view.people.num_rows
    assert data["people"]["first"][0] == 0
    assert not any(_OBEYED.search(text) for text in data["strings"])


def test_no_markup_of_a_value_reaches_the_page(view_of: Callable[[str], ReportView]) -> None:
    page = render_html(view_of("hostile"))
    assert "<script>document" not in page
    assert "<img" not in page
    assert page.count("</script>") == 2


def test_the_page_to_review_asks_its_own_server_only(view_of: Callable[[str], ReportView]) -> None:
    page = render_html(view_of("refused"), review=Review("s3cret", may_approve=True, who="Ada"))
    assert "connect-src &#39;self&#39;" in page
    assert 'id="accept"' in page
    assert 'data-limit="deactivate"' in page


def test_a_run_that_cannot_be_approved_has_no_button_for_it(view_of: Callable[[str], ReportView]) -> None:
    page = render_html(view_of("ordinary"), review=Review("s3cret", may_approve=False))
    assert 'id="accept"' not in page
    assert 'id="reject"' in page


def test_the_grid_comes_from_the_installed_package_with_its_notices() -> None:
    parts = assets()
    assert "const grid={" in parts.grid
    assert "datatables.net/license" in parts.grid
    assert "MIT" in parts.licence
    assert not re.search(r"<(!--|/?script)", parts.module, re.IGNORECASE)


def test_a_bundle_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="exports nothing"):
        grid_script("const a = 1;")


def test_a_bundle_gives_its_exports_by_name() -> None:
    made = grid_script('var a=1,b="</script><!-- x";export{a as jQuery,b};')
    assert made == 'var a=1,b="\\x3c/script>\\x3c!-- x";const grid={jQuery:a,b:b};'


@pytest.mark.parametrize("name", CASES)
def test_markdown_and_text_hold_nothing_a_terminal_obeys(name: str, view_of: Callable[[str], ReportView]) -> None:
    view = view_of(name)
    for form in ("md", "text", "csv", "json", "ndjson"):
        content = rendered(view, form).decode()
        assert not _OBEYED.search(content), form


def test_markdown_lists_every_person_who_is_not_unchanged(view_of: Callable[[str], ReportView]) -> None:
    text = render_markdown(view_of("ordinary"))
    for person in ordinary().people:
        assert (f"** ({person.user_name})" in text) == (person.decision != "unchanged")


def test_markdown_that_does_not_list_everybody_says_how_many(view_of: Callable[[str], ReportView]) -> None:
    text = render_markdown(view_of("ordinary"), people=3)
    assert "**Not listed here one by one:" in text
    assert f"trueup show {RUN_ID} --format csv" in text


def test_the_terminal_says_how_many_more_there_are(view_of: Callable[[str], ReportView]) -> None:
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as capture:
        console.print(render_terminal(view_of("ordinary"), people=3))
    assert "and 7 people more" in capture.get()


def test_a_terminal_says_the_name_beside_each_key(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("ordinary")
    written = view.people.filter(pc.equal(view.people["decision"], "create")).slice(0, 1).to_pylist()[0]
    key, name = written["key"], written["name"]
    assert re.search(rf"{re.escape(name)} .*\n +{re.escape(key)} ", printed(render_terminal(view)))
    refusal = Refusal("check_x", f"1 decision is odd. First: {key}, {key}x.", used=1.0, limit=0.0, remedy="")
    told = " ".join(printed(render_terminal(replace(view, refusals=(refusal,)))).split())
    assert f"First: {name} ({key}), {key}x." in told, (
        "the name beside the key, and nothing beside what only begins like it"
    )


def test_nothing_hostile_is_markup_on_a_terminal(view_of: Callable[[str], ReportView]) -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system="truecolor")
    with console.capture() as capture:
        console.print(render_terminal(view_of("hostile")))
    assert "\x1b]8" not in capture.get()
    assert "\x07" not in capture.get()


def test_the_workbook_has_its_sheets_and_no_formula_and_lies_nowhere_on_its_way(
    view_of: Callable[[str], ReportView], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = view_of("hostile")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    (tmp_path / "run.xlsx").write_bytes(xlsx(view))
    book = openpyxl.load_workbook(tmp_path / "run.xlsx")
    assert book.sheetnames == ["Summary", "Changes", "People", "Held", "Excluded"]
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for one in row:
                assert one.data_type not in {"f", "e"}
                assert one.hyperlink is None
                assert not str(one.value or "").lstrip(" ").startswith(("=", "+", "-", "@"))
    assert book["Changes"].max_row == view.changes.num_rows + 1
    assert book["Held"].max_row == len(HOSTILE) + 1


@pytest.mark.parametrize("text", ["#N/A", "#REF!", "=1+1", "#NAME?", "1E5", "TRUE", "2026-01-01"])
def test_no_text_becomes_anything_but_text_in_the_workbook(
    text: str, view_of: Callable[[str], ReportView], tmp_path: Path
) -> None:
    (tmp_path / "run.xlsx").write_bytes(xlsx(replace(view_of("ordinary"), verdict=text, detail=text)))
    row = openpyxl.load_workbook(tmp_path / "run.xlsx")["Summary"][2]
    assert [one.data_type for one in row] == ["s", "s", "s"]
    assert {str(one.value).removeprefix("'") for one in row} == {"Verdict", text}


def test_csv_has_a_row_for_every_change_and_every_person(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("hostile")
    found = list(csv.DictReader(io.StringIO(rendered(view, "csv").decode(), newline="")))
    assert len([row for row in found if row["attribute"]]) == view.changes.num_rows
    assert len({row["key"] for row in found}) == view.people.num_rows
    assert not [value for row in found for value in row.values() if value.lstrip(" ").startswith(("=", "+", "-", "@"))]


def test_a_phone_number_is_neutralised_too(view_of: Callable[[str], ReportView]) -> None:
    assert "'+49 30 1234568" in rendered(view_of("ordinary"), "csv").decode()


def test_ndjson_and_parquet_hold_exact_values(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("hostile")
    lines = [json.loads(line) for line in rendered(view, "ndjson").decode().splitlines()]
    table = pq.read_table(io.BytesIO(rendered(view, "parquet"))).to_pylist()
    assert {line["before"] for line in lines if line["attribute"] == "title"} == set(HOSTILE)
    assert [line["key"] for line in lines] == [row["key"] for row in table]
    assert {json.loads(row["before"]) for row in table if row["attribute"] == "title"} == set(HOSTILE)


def test_json_is_one_document_with_every_person_once(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("ordinary")
    document = json.loads(rendered(view, "json"))
    assert document["run_id"] == RUN_ID
    assert len(document["people"]) == view.people.num_rows
    assert sum(len(person["changes"]) for person in document["people"]) == view.changes.num_rows


def test_reports_are_written_for_their_owner_only(tmp_path: Path) -> None:
    run, history = run_of(tmp_path)
    write_reports(run.files, run.manifest, history, at=AT)
    assert {path.stat().st_mode & 0o777 for path in (run.files.report_html, run.files.report_md)} == {0o600}


@pytest.mark.parametrize("form", FORMS)
def test_show_writes_every_form_with_state_and_acts(form: str, tmp_path: Path) -> None:
    run, history = run_of(tmp_path)
    output = tmp_path / f"out.{form}"
    show(run, history, form=form, output=output)
    content = output.read_bytes()
    assert content
    if form in ("text", "md", "html", "json"):
        assert "applied" in content.decode()
        assert "Maja Novak" in content.decode()


@pytest.mark.parametrize("form", ["text", "md", "csv", "xlsx"])
def test_show_without_a_file_writes_to_stdout(
    form: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    run, history = run_of(tmp_path)
    show(run, history, form=form)
    assert capfdbinary.readouterr().out


def test_an_unknown_form_is_a_misuse(tmp_path: Path) -> None:
    run, history = run_of(tmp_path)
    with pytest.raises(Misused, match="not a format"):
        show(run, history, form="pdf")


def test_a_file_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    run, history = run_of(tmp_path)
    with pytest.raises(Failed, match="cannot be written"):
        show(run, history, form="md", output=tmp_path / "nowhere" / "run.md")


def test_a_space_between_words_is_not_marked_as_one_at_an_end(tmp_path: Path) -> None:
    """What differs is cut out of a value: the space where it was cut stands in its middle."""
    people = tuple(someone(n, "update", ("title", "Analyst", "Senior Analyst", "source_changed")) for n in (1, 2))
    files, manifest = write_run(tmp_path, Case(people))
    page = render_html(build_view(files, manifest, History(), at=AT))
    group = page.partition('class="group"')[2].partition("</summary>")[0]
    assert "<mark>Senior </mark>Analyst" in group
    shown = str(parted_visibly(" x<y ", "x<z")[0])
    assert "␣" in shown
    assert "&lt;" in shown


def test_a_superseded_plan_says_by_what_and_offers_that_one(tmp_path: Path) -> None:
    newer = "20261124T010000Z-0001"
    files, manifest = write_run(tmp_path, ordinary())
    act = ActRecord(act=Act.SUPERSEDED, number=1, at=AT, who="trueup", previous_sha256="0" * 64, details={"by": newer})
    view = build_view(files, manifest, History(), at=AT, acts=(act,), state="superseded")
    page = render_html(view, review=Review("s", may_approve=False))
    assert f"Superseded by the newer plan <code>{newer}</code>: <code>trueup review {newer}</code>" in page
    assert 'id="accept"' not in page


def test_hostile_words_of_earlier_runs_and_filters_are_data_in_the_page(tmp_path: Path) -> None:
    nasty = "</script><img src=x onerror=alert(1)>\u202e"
    files, manifest = write_run(tmp_path, ordinary())
    pq.write_table(pa.table({"id": [key_of(10)], "department": [nasty]}), files.source)
    scope = {"scope": {"filters": [[f'department EQUALS "{nasty}"']]}}
    manifest = manifest.model_copy(update={"configuration": scope})
    verdicts = tmp_path / "verdicts.parquet"
    row = {"key": key_of(10), "verdict": "person", "signals": [nasty], "overridden_by": nasty}
    pq.write_table(pa.Table.from_pylist([row]), verdicts)
    earlier, earlier_manifest = write_run(tmp_path, ordinary(), run_id="20261122T010000Z-0001")
    approved = ActRecord(act=Act.APPROVED, number=1, at=AT, who=nasty, previous_sha256="0" * 64)
    history = History((PriorRun(earlier, earlier_manifest, (approved,), "approved"),))
    view = build_view(files, manifest, history, at=AT, beside=Beside(Links(), verdicts))
    page = render_html(view)
    assert nasty not in page
    assert "<img" not in page
    assert "\u202e" not in page
    detail = next(one for one in view.details if one.signals)
    assert detail.signals == (nasty,)
    assert detail.clauses[0].value == nasty
    assert detail.earlier[0].approved_by == nasty
