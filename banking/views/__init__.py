"""The pages of banking."""
