"""What rules look for, and when an alert fires: pure."""
