"""Pages of Desk."""
