"""Rules looked at, incidents written down, notices sent."""
