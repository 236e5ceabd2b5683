"""When schedules are due, by Frappe's frequencies and cron formats, in the site's time zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from croniter import croniter
from frappe.utils import get_datetime
from rq.timeouts import BaseTimeoutException

from job_monitor.bridge.timezones import readings, site_zone
from job_monitor.core import limits
from job_monitor.core.wording import say


class Calendar:
	"""Due times around one moment. What is worked out for a cron format holds for all schedules that have it.

	Args:
		template: A Scheduled Job Type without values, see `schedule_health.template_type`.
	"""

	def __init__(self, template: Any, now: datetime) -> None:
		self.template = template
		self.zone = site_zone()
		self.moment = now
		self.now = now.astimezone(self.zone).replace(tzinfo=None)
		self.formats: dict[str, str] = {}
		self.times: dict[str, croniter] = {}
		self.current: dict[str, tuple[datetime, datetime]] = {}
		self.late: dict[tuple[str, datetime], list[datetime]] = {}

	def utc(self, moment: datetime | str) -> datetime:
		"""A moment of Frappe's tables in UTC. In the hour that clocks repeat: the later one, if it has come."""
		first, later = readings(get_datetime(moment), self.zone)
		return later if later <= self.moment else first

	def due_utc(self, schedule: Any) -> tuple[tuple[datetime, ...], str]:
		"""As `due`, in UTC: in the hour that clocks repeat, the first ones that are not before its last run."""
		due, problem = self.due(schedule)
		last = self.utc(schedule.last_execution or schedule.creation)
		times = (readings(at, self.zone) for at in due)
		return tuple(first if first >= last else later for first, later in times), problem

	def due(self, schedule: Any) -> tuple[list[datetime], str]:
		"""The times since its last run at which a schedule should have run, and the next one; or why there is none."""
		last = get_datetime(schedule.last_execution or schedule.creation)  # SQLite has texts
		try:
			cron = schedule.cron_format or self._cron_of(schedule.frequency)
			before, coming = self._around_now(cron)
			if before <= last < coming:
				return [coming], ""
			self.times[cron].set_current(last)
			return self._due_since(cron, self.times[cron].get_next(datetime)), ""
		except BaseTimeoutException:
			raise
		except Exception as error:  # croniter has a dozen, and raises AttributeError for what is no text
			return [], say("There is no time at which it should run: {0}.", error)

	def is_skipped(self, schedule: Any) -> bool:
		"""Whether "Skip Next Execution" moved a schedule on: its last run is one of its own times, still to come."""
		last = get_datetime(schedule.last_execution) if schedule.last_execution else None
		if last is None or last <= self.now or last.second or last.microsecond:
			return False
		try:
			return bool(croniter.match(schedule.cron_format or self._cron_of(schedule.frequency), last))
		except BaseTimeoutException:
			raise
		except Exception:  # as above
			return False

	def _due_since(self, cron: str, first: datetime) -> list[datetime]:
		"""Due times from the first missed one. After an absence of the scheduler, schedules of one format share it."""
		if (cron, first) not in self.late:
			due = self.late[(cron, first)] = [first]
			while due[-1] <= self.now and len(due) < limits.SCHEDULE_DUE:
				due.append(self.times[cron].get_next(datetime))
		return self.late[(cron, first)]

	def _around_now(self, cron: str) -> tuple[datetime, datetime]:
		if cron not in self.current:
			times = self.times[cron] = croniter(cron, self.now)
			before = times.get_prev(datetime)
			self.current[cron] = (before, times.get_next(datetime))
		return self.current[cron]

	def _cron_of(self, frequency: str) -> str:
		"""The cron format of a frequency, as Frappe's class works it out; some depend on the site."""
		if frequency not in self.formats:
			values = {"frequency": frequency, "cron_format": None, "last_execution": self.now}
			vars(self.template).update(values)
			self.template.get_next_execution()
			self.formats[frequency] = self.template.cron_format
		return self.formats[frequency]
