"""English words with the numbers of Switzerland."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = "’"
