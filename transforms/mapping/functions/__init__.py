"""The functions of the mapping language, by subject."""
