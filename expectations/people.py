"""Who is a person: a verdict for every account, with the signals that made it.

No single property of a user says it (Microsoft Graph, ``user`` resource), so several are weighed in SQL over the
snapshot: ``accounts.sql`` folds what is known, ``marks.sql`` collects what speaks for a thing, ``verdicts.sql``
weighs it against what speaks for a person. Where they disagree the verdict is ``unsure``, which holds.
"""

from __future__ import annotations

import unicodedata
from importlib.resources import files as resources
from typing import TYPE_CHECKING

from trueup.expectations.relations import SPILL, columns_of, view_file, view_users, write
from trueup.transforms.duck.database import connect, statement
from trueup.transforms.history import History
from trueup.transforms.mapping.unsaid import UNREADABLE

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import PeopleSettings, Settings

PACKAGE = "trueup.expectations.sql"
LOOKED_AT = (
    "userPrincipalName",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "mailNickname",
    "accountEnabled",
    "userType",
    "externalUserState",
    "employeeId",
    "employeeType",
    "jobTitle",
    "department",
    "manager",
    "assignedLicensesCount",
    "onPremisesDistinguishedName",
    "showInAddressList",
    "userPurpose",
    "isResourceAccount",
    "mobilePhone",
    "lastSignInDateTime",
    "lastNonInteractiveSignInDateTime",
    "groups",
)
"""Columns of ``source.parquet`` that can speak for or against a person; those not read are silent."""
DECLARING = (
    "userType",
    "externalUserState",
    "userPurpose",
    "isResourceAccount",
    "employeeType",
    "onPremisesDistinguishedName",
)
"""Columns that say outright that an account is a thing. A new account counts as a person only where all were said."""
LOOKED_BACK = 60
"""So many applied runs are asked what an account was taken for."""
_RANKS = {"id": 1, "upn": 2, "group": 3}


def judge(files: RunFiles, settings: Settings, history: History | None = None) -> None:
    """Every user of ``source.parquet`` has exactly one verdict in ``.work/verdicts`` afterwards.

    Columns ``key``, ``verdict`` (``transforms.vocabulary.Verdict``), ``signals`` VARCHAR[] in words, ``overridden_by``
    (the rule of ``[people]`` that decided, else null); sorted by key. Nobody becomes a person because the source did
    not say what earlier showed a thing: ``history`` knows what each account was taken for, and what was read then.
    """
    files.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with connect(spill=files.work / SPILL) as connection:
        judge_into(connection, files.source, settings.people, history)
        write(connection, "SELECT * FROM verdicts", files.work_verdicts)


def judge_into(
    connection: DuckDBPyConnection, source: Path, people: PeopleSettings, history: History | None = None
) -> frozenset[str]:
    """Leave the verdicts in the table ``verdicts`` of ``connection``; says which columns could be looked at."""
    connection.execute(statement("words_macro", PACKAGE))
    seen = view_users(connection, source, LOOKED_AT)
    _read_words(connection)
    for name in ("accounts", "thing_names", "marks"):
        connection.execute(statement(name, PACKAGE))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {statement('verdicts', PACKAGE)}")
    _say_by_hand(connection, people)
    _say_unread(connection, source)
    _say_what_was_thought(connection, history or History(), seen)
    connection.execute(statement("doubted", PACKAGE), {"declaring": list(DECLARING)})
    connection.execute(f"CREATE OR REPLACE TEMP TABLE verdicts AS {statement('verdicts_said', PACKAGE)}")
    for name in ("accounts", "thing_names", "marks", "judged", "said", "unread", "thought", "doubted"):
        connection.execute(f"DROP TABLE {name}")
    return seen


def _say_unread(connection: DuckDBPyConnection, source: Path) -> None:
    """Make ``unread`` (key, columns): people about whom the source left out something that verdicts rest on."""
    view_file(connection, "told_in_part", source, {"id": "VARCHAR", UNREADABLE: "VARCHAR[]"})
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE unread AS SELECT id AS key, "
        f"list_sort(list_intersect({UNREADABLE}, ?)) AS columns FROM told_in_part WHERE list_has_any({UNREADABLE}, ?)",
        [list(LOOKED_AT), list(LOOKED_AT)],
    )


def _say_what_was_thought(connection: DuckDBPyConnection, history: History, seen: frozenset[str]) -> None:
    """Make ``thought`` (key, verdict, gone): what each account was last taken for, and what could be read then only.

    Where it was not clear, the run before that is asked, and so on: what was not read once stays in doubt as long as
    it is not read.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE thought (key VARCHAR, verdict VARCHAR, gone VARCHAR[]);"
        "CREATE OR REPLACE TEMP TABLE unclear (key VARCHAR)"
    )
    runs = history.applied or tuple(filter(None, [history.latest_read]))
    for number, run in enumerate(runs[:LOOKED_BACK]):
        view_file(connection, "decided_then", run.files.decisions, {"key": "VARCHAR", "verdict": "VARCHAR"})
        gone = sorted((columns_of(connection, run.files.source).keys() & set(LOOKED_AT)) - seen)
        waiting = "" if number == 0 else " AND key IN (SELECT key FROM unclear ANTI JOIN thought USING (key))"
        connection.execute(
            f"INSERT INTO thought SELECT key, verdict, ? FROM decided_then WHERE verdict <> 'unsure'{waiting}", [gone]
        )
        if number == 0:
            connection.execute("INSERT INTO unclear SELECT key FROM decided_then WHERE verdict = 'unsure'")
        if not connection.execute("SELECT 1 FROM unclear ANTI JOIN thought USING (key) LIMIT 1").fetchall():
            break


def read_first_names(connection: DuckDBPyConnection) -> None:
    """Make ``first_names`` (``name``): usual first names of many countries, folded. Needs the macro ``fold_text``."""
    names = resources(PACKAGE).joinpath("first_names.txt").read_text(encoding="utf-8").split()
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE first_names AS SELECT DISTINCT fold_text(name) AS name "
        "FROM (SELECT unnest(?::VARCHAR[]) AS name)",
        [names],
    )


def _read_words(connection: DuckDBPyConnection) -> None:
    read_first_names(connection)
    lines = resources(PACKAGE).joinpath("thing_words.csv").read_text(encoding="utf-8").splitlines()[1:]
    columns = list(zip(*(line.split(",") for line in lines), strict=True))
    connection.execute(
        # Folded like the names they are looked for in; two spellings of a word may become one.
        "CREATE OR REPLACE TEMP TABLE thing_words AS "
        "SELECT fold_text(word) AS word, kind, max(token) AS token, max(edge) AS edge, max(whole) AS whole FROM "
        "(SELECT unnest(?::VARCHAR[]) AS word, unnest(?::VARCHAR[]) AS kind, unnest(?::INTEGER[]) AS token, "
        "unnest(?::INTEGER[]) AS edge, unnest(?::INTEGER[]) AS whole) GROUP BY ALL",
        [list(column) for column in columns],
    )


def _say_by_hand(connection: DuckDBPyConnection, people: PeopleSettings) -> None:
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE rules (rule VARCHAR, says VARCHAR, kind VARCHAR, pattern VARCHAR, rank INTEGER)"
    )
    for says, rules in (("always", people.always), ("never", people.never)):
        for rule in rules:
            kind, _, pattern = rule.partition(":")
            row = [rule, says, kind, _pattern(kind, pattern), _RANKS[kind]]
            connection.execute("INSERT INTO rules VALUES (?, ?, ?, ?, ?)", row)
    connection.execute("CREATE OR REPLACE TEMP TABLE options AS SELECT ?::BOOLEAN AS guests", [people.guests])
    connection.execute(f"CREATE OR REPLACE TEMP TABLE said AS {statement('said_by_hand', PACKAGE)}")


def _pattern(kind: str, pattern: str) -> str:
    """``upn:`` takes ``*`` and ``?`` and heeds neither case nor accents; ids heed no case; groups are exact."""
    if kind == "group":
        return pattern
    if kind == "id":
        return pattern.strip().lower()
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFC", pattern.strip()).lower())
    folded = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    special = {"*": "%", "?": "_", "%": "\\%", "_": "\\_", "\\": "\\\\"}
    return "".join(special.get(letter, letter) for letter in folded)


def named_groups(people: PeopleSettings) -> tuple[str, ...]:
    """The groups that ``[people]`` names, as written there, each once: their members must be read."""
    rules = (*people.always, *people.never)
    return tuple(dict.fromkeys(rule.partition(":")[2] for rule in rules if rule.startswith("group:")))
