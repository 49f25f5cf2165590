"""Pure: mapping language, matching, decisions, diff, limits, inverse: says what."""
