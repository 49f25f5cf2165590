-- In:  value, JSON text as in changes.parquet
-- Out: text_of(value): a string without its quotes, anything else as it is; null stays null
CREATE OR REPLACE TEMP MACRO text_of(value) AS
    CASE WHEN starts_with(value, '"') THEN coalesce(try(value ->> '$'), value) ELSE value END
