"""What pages of banking are sent."""
