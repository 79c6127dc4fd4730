"""The administration's first page: how the server and its work are doing."""
