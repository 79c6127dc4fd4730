"""The pages of portfolios: what is held, what was booked, and booking it."""
