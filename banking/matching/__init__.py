"""Rules that look at rows of cash side by side; they know no database."""
