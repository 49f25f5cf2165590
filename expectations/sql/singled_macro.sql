-- out: singled(text): text with one vowel in place of two alike, in small letters
CREATE OR REPLACE TEMP MACRO singled(words) AS
    replace(replace(replace(replace(replace(lower(words), 'aa', 'a'), 'ee', 'e'), 'ii', 'i'), 'oo', 'o'), 'uu', 'u')
