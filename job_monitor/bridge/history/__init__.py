"""History of this site's runs: Job Metric, baselines, failure groups, the recorder's progress."""
