"""The site itself: live or a copy, migrated or not, and the app's small state."""
