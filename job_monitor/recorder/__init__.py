"""Records runs of jobs, in hooks that never raise, and moves them into the site's database."""
