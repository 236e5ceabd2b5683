"""What can be done to jobs; each act checks the state first, and the step that only one can win decides."""
