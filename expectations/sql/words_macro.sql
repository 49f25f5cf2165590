-- in:  nothing
-- out: macros bare(text): no space of any kind around it, where DuckDB's trim leaves tabs and line ends; fold_text(text),
--      words_of(text) and letters_of(text): text without case and accents; its words, digits and signs dropped; those
--      written together
CREATE OR REPLACE MACRO bare(t) AS
    CASE WHEN regexp_matches(t, '[^\x21-\x7E]') THEN regexp_replace(t, '^[\s\p{Z}\p{C}]+|[\s\p{Z}\p{C}]+$', '', 'g') ELSE t END;
CREATE OR REPLACE MACRO fold_text(t) AS
    strip_accents(lower(nfc_normalize(coalesce(t, ''))));
CREATE OR REPLACE MACRO words_of(t) AS
    regexp_extract_all(
        t,
        '\p{Latin}+|\p{Han}+|\p{Hangul}+|[\p{Katakana}ー]+|\p{Hiragana}+|\p{Cyrillic}+|\p{Greek}+|\p{Arabic}+|\p{Hebrew}+'
        || '|[\p{Thai}\p{Devanagari}\p{Bengali}\p{Tamil}\p{Telugu}\p{Gujarati}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Khmer}'
        || '\p{Lao}\p{Myanmar}\p{Georgian}\p{Armenian}\p{Ethiopic}\p{Gurmukhi}\p{M}]+'
    );
CREATE OR REPLACE MACRO letters_of(t) AS
    array_to_string(words_of(t), '');
