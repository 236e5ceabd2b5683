"""RQ on Redis: queues, jobs, workers; asked in pipelines, bounded, never changed but by `actions`."""
