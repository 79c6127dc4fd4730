"""English words with the numbers of Germany."""

DECIMAL_SEPARATOR = ","
THOUSAND_SEPARATOR = "."
PERCENT_SIGN = "\N{NO-BREAK SPACE}%"
