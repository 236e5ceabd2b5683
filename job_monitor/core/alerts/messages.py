"""Titles of notices that an incident is resolved, by kind of rule. What a kind looks for is worded in `kinds`."""

from __future__ import annotations

from job_monitor.core.wording import say

ENDINGS = {
	"Error Log Rate": say("The rate of errors is normal again"),
	"Failure Rate": say("Failures are back to normal: {0}"),
	"Method Failures": say("Failures are back to normal: {0}"),
	"Queue Age": say("Jobs no longer wait too long in queue {0}"),
	"Queue Depth": say("Queue {0} has room again"),
	"Stalled Queue": say("Queue {0} no longer stands still"),
	"No Worker": say("No job waits for a missing worker in queue {0} any more"),
	"Dead Worker": say("Worker {0} is no longer missed"),
	"Stuck Job": say("Job {0} no longer runs too long"),
	"Zombie Job": say("Zombie {0} is gone"),
	"Missed Schedule": say("Schedule {0} was started again"),
	"Failing Schedule": say("Schedule {0} no longer fails"),
	"Blocked Schedule": say("Schedule {0} is no longer blocked"),
	"Scheduler": say("The scheduler runs again"),
	"Redis Memory": say("Redis has memory again"),
	"Failed Registry": say("Queue {0} has room for failed jobs again"),
	"Lost Runs": say("No run was lost for a day"),
	"Could Not Ask": say("{0} answers again"),
}
"""`{0}` is the subject."""
