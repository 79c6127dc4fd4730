"""The pages of organisations and invitations."""
