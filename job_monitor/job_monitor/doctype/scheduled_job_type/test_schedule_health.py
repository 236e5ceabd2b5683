"""Health of schedules on a real site: with real runs, and a real zombie on Redis."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import add_to_date, now_datetime
from frappe.utils.background_jobs import create_job_id, get_queue, get_redis_conn, is_job_enqueued
from frappe.utils.scheduler import get_scheduler_status

from job_monitor.alerts.checks.schedules import missed_schedule
from job_monitor.bridge import doctor
from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.bridge.schedules import schedule_health, scheduler
from job_monitor.bridge.schedules.calendar import Calendar
from job_monitor.core import clock
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.schedules import judge
from job_monitor.core.schedules.records import Schedule, Scheduler
from job_monitor.job_monitor.report.schedule_health.schedule_health import execute
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import work_off

CORE = "frappe.core.doctype.scheduled_job_type.scheduled_job_type"
API = "/api/method/job_monitor.api.schedules."


class TestScheduleHealth(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.switch_scheduler(True)
		dormant = patch("job_monitor.bridge.schedules.scheduler.is_dormant", return_value=False)
		dormant.start()
		self.addCleanup(dormant.stop)

	def schedule(self, method: str = "succeed", frequency: str = "Hourly", **values: Any) -> Any:
		return self.make_schedule(method, frequency, **values)

	def health(self, doc: Any) -> Any:
		(found,) = schedule_health.read([doc.name])
		return found

	def test_a_schedule_made_in_the_future_is_named_by_the_doctor(self) -> None:
		"""As the setup wizard leaves them, where it moves the time zone back by some hours."""
		doc = self.schedule()
		values = {"creation": add_to_date(None, hours=10), "last_execution": None}
		frappe.db.set_value("Scheduled Job Type", doc.name, values, update_modified=False)
		# On a new site others may lie in the future, too, and the doctor makes one finding of several
		others = {"name": ["!=", doc.name]}
		punctual = {"creation": add_to_date(None, days=-2), "last_execution": now_datetime()}
		frappe.db.set_value("Scheduled Job Type", others, punctual, update_modified=False)
		frappe.db.commit()
		found = self.health(doc)
		self.assertEqual((found.state, found.never_ran), ("missed", True))
		self.assertIn("in the future", found.message)
		found = {
			finding.subject: finding.code
			for finding in doctor.site_findings(frappe.local.site, has_redis=True)
		}
		self.assertEqual(found.get(doc.name), "missed-schedule")

	def test_schedules_made_in_the_future_are_one_alert(self) -> None:
		names = [self.schedule(name).name for name in ("fail", "hang", "succeed")]
		values = {"creation": add_to_date(None, hours=10), "last_execution": None}
		frappe.db.set_value("Scheduled Job Type", {"name": ["in", names]}, values, update_modified=False)
		facts = SimpleNamespace(scheduler=SimpleNamespace(runs=True), schedules=schedule_health.read(names))
		(seen,) = missed_schedule(Rule("r", "Missed Schedule", threshold=1), facts, {})
		self.assertIn("3 schedules lie in the future", seen.title)
		self.assertTrue(seen.warning_only and "time zone" in seen.text)

	def test_a_run_that_is_skipped_is_nothing_wrong(self) -> None:
		doc = self.schedule()
		self.last_ran(doc, minutes=1)
		doc.reload()
		coming = doc.get_next_execution()
		frappe.db.set_value("Scheduled Job Type", doc.name, "last_execution", coming)
		frappe.db.commit()
		self.assertEqual(self.health(doc).state, "ok")
		# A moment between, by a clock that was set back, is none of its times
		frappe.db.set_value(
			"Scheduled Job Type", doc.name, "last_execution", add_to_date(coming, hours=2, seconds=17)
		)
		frappe.db.commit()
		self.assertEqual(self.health(doc).state, "missed")

	def last_ran(self, doc: Any, **ago: float) -> None:
		values = {name: -value for name, value in ago.items()}
		frappe.db.set_value("Scheduled Job Type", doc.name, "last_execution", add_to_date(None, **values))
		frappe.db.commit()

	def zombie(self, doc: Any) -> str:
		"""A job that a process which died left between its hash and its queue."""
		job_id = create_job_id(doc.rq_job_id)
		old = "2026-01-01T00:00:00.000000Z"
		fields = {"status": "queued", "origin": get_queue("default").name, "created_at": old}
		get_redis_conn().hset(f"rq:job:{job_id}", mapping={**fields, "enqueued_at": old, "data": b""})
		self.job_ids.append(job_id)
		return job_id

	def test_new_then_well_then_failing_then_well(self) -> None:
		doc = self.schedule()
		self.assertEqual((self.health(doc).state, self.health(doc).never_ran), ("never ran", True))
		doc.execute()
		found = self.health(doc)
		self.assertEqual((found.state, found.last_outcome, found.missed_runs), ("ok", "Complete", 0))
		self.assertIsNotNone(found.last_duration)
		for _run in range(2):
			with patch("job_monitor.tests.support.jobs.succeed", side_effect=ValueError("no such invoice")):
				doc.execute()
		found = self.health(doc)
		self.assertEqual((found.state, found.failures, found.last_outcome), ("failing", 2, "Failed"))
		self.assertIn("no such invoice", found.message)
		doc.execute()
		self.assertEqual(self.health(doc).state, "ok")

	def test_a_schedule_without_a_log_fails_and_recovers(self) -> None:
		doc = self.schedule(frequency="All", create_log=0)
		with patch("job_monitor.tests.support.jobs.succeed", side_effect=ValueError("no such invoice")):
			doc.execute()
		self.assertEqual((self.health(doc).state, self.health(doc).failures), ("failing", 1))
		frappe.db.set_value(
			"Scheduled Job Log", {"scheduled_job_type": doc.name}, "creation", add_to_date(None, minutes=-4)
		)
		doc.execute()
		self.assertEqual((self.health(doc).state, self.health(doc).last_outcome), ("ok", "Complete"))

	def test_missed_runs_are_counted(self) -> None:
		doc = self.schedule("missed", frequency="Cron", cron_format="*/10 * * * *")
		self.last_ran(doc, minutes=61)
		found = self.health(doc)
		self.assertEqual(found.state, "missed")
		self.assertIn(found.missed_runs, (5, 6))
		self.assertGreater(found.overdue_seconds, 50 * 60)
		self.assertIn("The scheduler has not queued it", found.message)

	def test_a_run_that_is_only_just_due_is_not_missed(self) -> None:
		doc = self.schedule("missed", frequency="Daily")
		self.last_ran(doc, hours=1)
		self.assertEqual(self.health(doc).missed_runs, 0)

	def test_frequencies_that_depend_on_the_site(self) -> None:
		options = frappe.get_meta("Scheduled Job Type").get_options("frequency").split("\n")
		for frequency in options:
			if not frequency or frequency == "Cron":
				continue
			found = self.health(self.schedule(frequency=frequency))
			self.assertIsNotNone(found.next_due_at, frequency)
			self.assertEqual(found.state, "never ran", frequency)

	def test_a_bad_cron_format_is_a_problem(self) -> None:
		doc = self.schedule(frequency="Cron", cron_format="0 0 * * *")
		frappe.db.set_value("Scheduled Job Type", doc.name, "cron_format", "often")
		found = self.health(doc)
		self.assertEqual(found.state, "missed")
		self.assertIn("no time at which it should run", found.message)

	def test_stopped(self) -> None:
		self.assertEqual(self.health(self.schedule(stopped=1)).state, "stopped")

	def test_a_scheduler_that_is_off_is_the_cause_of_all(self) -> None:
		doc = self.schedule()
		self.last_ran(doc, days=3)
		self.switch_scheduler(False)
		found = self.health(doc)
		self.assertEqual((found.state, found.missed_runs), ("paused", 0))
		self.assertEqual(scheduler.health([found]).state, "disabled")

	def test_a_scheduler_that_is_absent(self) -> None:
		doc = self.schedule()
		self.last_ran(doc, days=3)
		with patch("job_monitor.core.processes.holds_lock", return_value=False):
			# Others may have been queued by hand meanwhile
			found = scheduler.health([self.health(doc)])
		self.assertEqual(found.state, "absent")
		self.assertIn("Start it: bench schedule", found.detail)
		self.last_ran(doc, minutes=0)
		self.assertEqual(scheduler.health([self.health(doc)]).state, "running")

	def test_the_badge_of_the_job_list_is_not_active_where_no_scheduler_runs(self) -> None:
		reader = make_user("jm-s-u@ops.example", USER)

		def state() -> str:
			return request(API + "get_scheduler", reader)[1]["message"]["state"]

		frappe.db.set_value(
			"Scheduled Job Type", {"stopped": 0}, "last_execution", add_to_date(None, days=-3)
		)
		frappe.db.commit()
		self.assertEqual(get_scheduler_status(), {"status": "active"})
		self.assertEqual(state(), "absent")
		self.last_ran(self.schedule(), minutes=0)
		self.assertEqual(state(), "running")
		self.switch_scheduler(False)
		self.assertEqual(state(), "disabled")
		stranger = make_user("jm-s-x@ops.example", "Desk User")
		self.assertEqual(request(API + "get_scheduler", stranger)[0], 403)

	def test_a_change_of_clocks_is_no_miss(self) -> None:
		def missed(now: str, last: str, cron: str = "30 * * * *") -> tuple[int, list[str]]:
			moment = datetime.fromisoformat(now).replace(tzinfo=timezone.utc)
			calendar = Calendar(frappe.new_doc("Scheduled Job Type"), moment)
			row = frappe._dict(cron_format=cron, last_execution=datetime.fromisoformat(last))
			due, problem = calendar.due_utc(row)
			self.assertEqual(problem, "")
			schedule = Schedule("a", "a", last_run_at=calendar.utc(row.last_execution), due=due)
			health = judge.judge(schedule, Scheduler("enabled", 60.0, "s"), moment)
			self.assertEqual(health.missed_runs > 0, health.state == "missed", health)
			return health.missed_runs, [f"{at:%H:%M}" for at in due]

		with patch("job_monitor.bridge.schedules.calendar.site_zone", return_value=ZoneInfo("Europe/Berlin")):
			# 02:00 becomes 03:00 on 29 March. A run at 02:30 is expected half an hour later; Frappe takes it at 03:00
			self.assertEqual(missed("2026-03-29T00:40:00", "2026-03-29T01:30:05"), (0, ["01:30"]))
			self.assertEqual(missed("2026-03-29T01:40:00", "2026-03-29T03:30:05"), (0, ["02:30"]))
			# 03:00 becomes 02:00 on 25 October: Frappe skips the second 02:30, which is no miss
			self.assertEqual(missed("2026-10-25T01:40:00", "2026-10-25T02:30:05"), (0, ["02:30"]))
			# Each ten minutes: in the first 02:xx, in the second one, and one that ran in the first one for the last time
			tens = "*/10 * * * *"
			self.assertEqual(missed("2026-10-25T00:24:00", "2026-10-25T02:20:05", tens), (0, ["00:30"]))
			self.assertEqual(
				missed("2026-10-25T01:31:00", "2026-10-25T02:20:05", tens), (0, ["01:30", "01:40"])
			)
			self.assertEqual(missed("2026-10-25T01:05:00", "2026-10-25T02:50:05", tens), (0, ["02:00"]))
			# One that stands still since before is missed all the same
			self.assertEqual(missed("2026-10-25T01:31:00", "2026-10-25T01:50:05", tens)[0], 9)

	def test_each_is_due_when_frappe_says(self) -> None:
		template, now = frappe.new_doc("Scheduled Job Type"), clock.now()
		options = frappe.get_meta("Scheduled Job Type").get_options("frequency").split("\n")
		formats = [(name, "") for name in options if name not in ("", "Cron")]
		formats += [
			("Cron", text) for text in ("*/7 3-5 1,15 * *", "0/15 * * * *", "0 0 29 2 *", "5 4 * * sun")
		]
		for days, (frequency, text) in enumerate(formats * 12):
			times = Calendar(template, now + timedelta(days=days, seconds=days * 997))
			last = times.now - timedelta(seconds=1.5 ** (days % 40))
			doc = frappe.new_doc("Scheduled Job Type")
			doc.update({"frequency": frequency, "cron_format": text, "last_execution": last})
			(first, *_others), problem = times.due(doc.as_dict())
			with patch(f"{CORE}.randint", return_value=0, create=True):
				self.assertEqual((first, problem), (doc.get_next_execution(), ""), (frequency, text, last))

	def test_a_zombie_blocks_until_it_is_released(self) -> None:
		doc = self.schedule()
		self.last_ran(doc, hours=5)
		job_id = self.zombie(doc)
		self.assertFalse(doc.enqueue(force=True))  # so Frappe skips it
		found = self.health(doc)
		self.assertEqual((found.state, found.blocked_by), ("blocked", job_id))
		self.assertIn("stands in no queue", found.message)
		manager = make_user("jm-s-m@ops.example", MANAGER)
		reader = make_user("jm-s-u@ops.example", USER)
		self.assertEqual(request(API + "release", reader, "POST", schedule=doc.name)[0], 403)
		status, answer = request(API + "release", manager, "POST", schedule=doc.name)
		self.assertEqual((status, answer["message"]["done"]), (200, True))
		self.assertFalse(is_job_enqueued(doc.rq_job_id))
		frappe.db.rollback()
		audit = frappe.get_last_doc("Job Monitor Audit", {"subject": doc.name})
		self.assertEqual((audit.action, audit.user, audit.done), ("release", manager, 1))
		self.assertTrue(doc.enqueue(force=True))
		work_off("default", "long")
		frappe.db.rollback()
		self.assertEqual(self.health(doc).state, "ok")

	def test_a_job_that_waits_is_not_released(self) -> None:
		doc = self.schedule()
		doc.enqueue(force=True)
		self.job_ids.append(create_job_id(doc.rq_job_id))
		status, answer = request(
			API + "release", make_user("jm-s-m@ops.example", MANAGER), "POST", schedule=doc.name
		)
		self.assertEqual((status, answer["message"]["done"]), (200, False))
		self.assertTrue(is_job_enqueued(doc.rq_job_id))

	def test_who_may_look(self) -> None:
		doc = self.schedule()
		names = json.dumps([doc.name])
		reader = make_user("jm-s-u@ops.example", USER)
		status, answer = request(API + "get_health", reader, names=names)
		self.assertEqual((status, answer["message"][0]["name"]), (200, doc.name))
		stranger = make_user("jm-s-x@ops.example", "Desk User")
		self.assertEqual(request(API + "get_health", stranger, names=names)[0], 403)

	def test_the_report_has_all_schedules_the_worst_first(self) -> None:
		blocked, well = self.schedule(), self.schedule("hang")
		self.last_ran(well, minutes=0)
		self.zombie(blocked)
		_columns, rows, *_others = execute()
		self.assertEqual(len(rows), frappe.db.count("Scheduled Job Type"))
		self.assertEqual(rows[0]["name"], blocked.name)
		problems = execute({"state": "problems"})[1]
		self.assertIn(blocked.name, [row["name"] for row in problems])
		self.assertNotIn(well.name, [row["name"] for row in problems])
