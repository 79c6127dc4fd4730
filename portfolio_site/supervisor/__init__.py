"""What `manage.py run` is made of: it starts the server's processes in order, watches them and stops them in order."""
