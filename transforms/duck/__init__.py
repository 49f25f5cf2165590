"""DuckDB: the connection, the relations over files, and quoting."""
