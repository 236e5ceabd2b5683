"""What can be done to jobs; each act checks the state first, and a step that succeeds for one process only decides."""
