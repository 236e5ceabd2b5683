"""Progress of long jobs: `from job_monitor.progress import track`."""

from job_monitor.progress.progress import Progress as Progress
from job_monitor.progress.progress import track as track
