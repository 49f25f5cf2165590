"""How .NET spells dates and regular expressions, in DuckDB's words."""
