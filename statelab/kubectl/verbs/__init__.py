"""What each kubectl command does: one module for a command, or for a few that are close."""
