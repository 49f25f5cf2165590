"""Seconds for the compiled mapping over a million users: the shipped preset, and thirty expressions."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from trueup.transforms.duck.database import connect
from trueup.transforms.mapping import compile_run, load_mapping, run_mapping
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import MappingSettings, SourceSettings

USERS = 1_000_000
_AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
_USERS = """
COPY (
  SELECT
    printf('%08x-0000-4000-8000-%012x', i, i) AS id,
    printf('user%d@contoso.com', i) AS userPrincipalName,
    CASE WHEN i % 7 = 0 THEN NULL ELSE printf('First%d.Last%d@contoso.com', i, i) END AS mail,
    CASE WHEN i % 5 = 0 THEN 'María José' ELSE 'Ann' END || i AS givenName,
    CASE WHEN i % 11 = 0 THEN 'van der Müller' ELSE 'Smith' END || i AS surname,
    printf('Display Name %d', i) AS displayName,
    CASE WHEN i % 3 = 0 THEN NULL ELSE 'software engineer' END AS jobTitle,
    printf('Department %d', i % 300) AS department,
    printf('Building %d', i % 40) AS officeLocation,
    'new york' AS city, 'US' AS country, 'NY' AS state, 'Contoso' AS companyName,
    printf('+1 (206) 555-%04d', i % 10000) AS mobilePhone,
    [printf('+44 20 7946 %04d', i % 10000)] AS businessPhones,
    [printf('SMTP:user%d@contoso.com', i), 'smtp:other@contoso.com'] AS proxyAddresses,
    printf('%06d', i) AS employeeId,
    '2020-01-15T00:00:00Z' AS employeeHireDate,
    printf('user%d', i) AS mailNickname,
    printf('%08x-0000-4000-8000-%012x', i // 10, i // 10) AS manager,
    i % 50 <> 0 AS accountEnabled,
    TRUE AS assigned
  FROM range({users}) AS t(i) ORDER BY id
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""
_THIRTY = (
    "Coalesce([mail], [userPrincipalName])",
    'Join(" ", [givenName], [surname])',
    'Join(", ", [surname], [givenName])',
    'ToLower(Join("@", StripSpaces(Join(".", [givenName], [surname])), "contoso.com"))',
    'ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".", [givenName], [surname]))), "contoso.com"))',
    "PCase([city])",
    "ToUpper([country])",
    'Replace([mobile], , "[()\\\\s-]+", , "", , )',
    'Replace([mobile], "+", , , "", , )',
    'Replace([telephoneNumber], , "\\\\+(?<isdCode>\\\\d* )(?<phoneNumber>.*)", , "${phoneNumber}", , )',
    'Switch([country], "Other", "US", "United States", "DE", "Germany", "FR", "France", "GB", "United Kingdom")',
    'IIF([state]="NY", "East", IIF([state]="CA", "West", "Middle"))',
    "Mid([employeeId], 1, 4)",
    "Left([displayName], 12)",
    'Word([displayName], 2, " ")',
    'IIF(DateDiff("d", Now(), CDate([employeeHireDate])) >= 0, "future", "present")',
    'FormatDateTime([employeeHireDate], , "yyyy-MM-ddTHH:mm:ssZ", "yyyy-MM-dd")',
    'Mid(Item([proxyAddresses], Contains([proxyAddresses], "SMTP:")), 6)',
    "IgnoreFlowIfNullOrEmpty([jobTitle])",
    'Append("E-", [employeeId])',
    'Join("", "0000", [employeeId])',
    "Trim([department])",
    "NormalizeDiacritics([givenName])",
    "NormalizeDiacritics([surname])",
    'Switch([jobTitle], [jobTitle], "", "N/A")',
    'IIF(IsPresent([jobTitle]), [jobTitle], "none")',
    "Len([displayName])",
    'InStr([mail], "@")',
    "ToLower([userPrincipalName])",
    "StripSpaces([displayName])",
)


def _measured(folder: Path, settings: MappingSettings) -> float:
    files = RunFiles(folder)
    with connect() as connection:
        found = connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{files.source}')").fetchall()
    columns = {name: kind for name, kind, *_ in found}
    began = time.perf_counter()
    mapping = load_mapping(settings, read_text=lambda path: Path(path).read_text(encoding="utf-8"))
    compiled = compile_run(mapping, SourceSettings(), columns=columns, at=_AT, seed=folder.name)
    run_mapping(compiled, files)
    return time.perf_counter() - began


def run(users: int = USERS) -> list[tuple[str, str]]:
    """Rows of ``make bench``: what was measured, and the figure."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with connect() as connection:
            connection.execute(_USERS.format(users=users, path=folder / "source.parquet"))
        preset = _measured(folder, MappingSettings())
        rows = {f"urn:example:User:a{number}": text for number, text in enumerate(_THIRTY)}
        thirty = _measured(folder, MappingSettings(preset="", attributes=rows))
        size = (folder / "desired.parquet").stat().st_size / 1e6
    return [
        (f"mapping: preset pingboard, {users:,} users", f"{preset:.1f} s (at most 3 s)"),
        (f"mapping: 30 expressions, {users:,} users", f"{thirty:.1f} s (at most 15 s), {size:.0f} MB"),
    ]
