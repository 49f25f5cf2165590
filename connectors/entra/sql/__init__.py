"""The statements that turn what was read of a tenant into ``source.parquet``."""
