"""German in Switzerland: amounts have a point and apostrophes."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = "’"
PERCENT_SIGN = "%"
