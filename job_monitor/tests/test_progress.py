"""Progress of jobs on a site: events, states that are kept, permissions, and faults, which never reach the job."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import frappe
import redis
from frappe.utils import add_to_date, now_datetime
from frappe.utils.background_jobs import get_redis_conn
from frappe.utils.redis_wrapper import RedisWrapper
from rq.job import Job
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from job_monitor.core import limits
from job_monitor.progress import progress, task_states
from job_monitor.progress.progress import Progress, track
from job_monitor.recorder import monitor_tag
from job_monitor.tests.support.jobs import status
from job_monitor.tests.support.recorder_test_case import Mute
from job_monitor.tests.support.servers import Proxy, running
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import work_off, worker


def slow_loop(items: int = 300, seconds: float = 0.02, **kwargs: Any) -> int:
	"""A job with progress."""
	for _item in track(range(items), title="Import"):
		time.sleep(seconds)
	return items


def redis_of(connection: Any) -> str:
	options = connection.connection_pool.connection_kwargs
	return f"redis://{options['host']}:{options['port']}"


def stoppable_loop(**kwargs: Any) -> str:
	with Progress("Import", total=10_000) as task:
		for _n in range(10_000):
			task.advance(description="row")
			if task.stop_requested:
				return f"stopped at {task.current}"
			time.sleep(0.01)
	return "not stopped"


def failing_loop(**kwargs: Any) -> None:
	for item in track(range(10), title="Import"):
		if item == 5:
			raise ValueError("row 5, password=hunter2")


def loop_whose_progress_hangs(**kwargs: Any) -> str:
	with patch.object(task_states, "publish", lambda *_arguments: time.sleep(60)):
		list(track(range(3), title="Import"))
	return "not timed out"


# --- from the reference, with what it calls
def process_item(item: Any) -> None:
	pass


def long_running_task(items, user):
	"""Task with progress updates."""
	total = len(items)

	for i, item in enumerate(items):
		process_item(item)

		# Update progress
		frappe.publish_realtime(
			"task_progress",
			{
				"progress": (i + 1) / total * 100,
				"current": i + 1,
				"total": total,
			},
			user=user,
		)

	frappe.publish_realtime("task_complete", {"message": f"Processed {total} items"}, user=user)


# ---


class TestProgress(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.events: list[tuple[str, dict[str, Any], str]] = []
		patcher = patch.object(frappe, "publish_realtime", self.heard)
		patcher.start()
		self.addCleanup(patcher.stop)
		self.addCleanup(self.put_back, self.kept_by_id())
		frappe.cache.delete_value(task_states.cache_key("Administrator"))
		self.addCleanup(setattr, frappe.local, "job_monitor_tasks", None)

	def heard(self, event: str, message: Any = None, user: str = "", **_room: Any) -> None:
		if event.startswith("task_"):
			self.events.append((event, message, user))

	def kept_by_id(self, user: str = "Administrator") -> dict[Any, Any]:
		return frappe.cache.hgetall(task_states.cache_key(user))

	def kept(self, user: str = "Administrator") -> list[dict[str, Any]]:
		return list(self.kept_by_id(user).values())

	def put_back(self, tasks: dict[Any, Any]) -> None:
		"""The cache is that of the bench."""
		frappe.cache.delete_value(task_states.cache_key("Administrator"))
		for task_id, task in tasks.items():
			frappe.cache.hset(task_states.cache_key("Administrator"), frappe.as_unicode(task_id), task)

	def job(self, function: str, **kwargs: Any) -> str:
		job = frappe.enqueue(f"job_monitor.tests.test_progress.{function}", queue="short", **kwargs)
		self.job_ids.append(job.id)
		return job.id

	def test_a_fast_loop_publishes_four_times_a_second_at_most(self) -> None:
		began = time.monotonic()
		self.assertEqual(sum(1 for _item in track(range(100_000), title="Fast")), 100_000)
		limit = (time.monotonic() - began) / progress.TICK_SECONDS + 2
		names = [event for event, _message, _user in self.events]
		self.assertLessEqual(len(names), limit)
		self.assertEqual((names[0], names[-1]), ("task_progress", "task_complete"))

	def test_fields_of_an_event(self) -> None:
		with patch.object(progress, "TICK_SECONDS", 0):
			list(track(iter(range(4)), total=4, title="Four", description="steps"))
		event, message, user = self.events[2]
		self.assertEqual((event, user), ("task_progress", "Administrator"))
		self.assertEqual((message["progress"], message["current"], message["total"]), (50.0, 2, 4))
		self.assertEqual((message["title"], message["description"]), ("Four", "steps"))
		self.assertGreaterEqual(message["eta"], 0)
		self.assertTrue(message["task_id"])
		self.assertIsNone(self.events[0][1]["eta"])

	def test_items_without_a_length(self) -> None:
		self.assertEqual(list(track(iter("abc"))), ["a", "b", "c"])
		self.assertIsNone(self.events[0][1]["progress"])
		self.assertEqual(self.events[-1][0], "task_complete")

	def test_an_error_passes_and_is_shown_without_secrets(self) -> None:
		error = ValueError("bad row, password=hunter2")
		with self.assertRaises(ValueError) as raised, Progress("Import", total=3):
			raise error
		self.assertIs(raised.exception, error)
		event, message, _user = self.events[-1]
		self.assertEqual(event, "task_failed")
		self.assertTrue(message["message"].startswith("ValueError: bad row"))
		self.assertNotIn("hunter2", message["message"])

	def test_an_error_without_a_text_is_named_by_its_type(self) -> None:
		with self.assertRaises(Mute), Progress("Import", total=3):
			raise Mute
		event, message, _user = self.events[-1]
		self.assertEqual(event, "task_failed")
		self.assertTrue(message["message"].startswith("Mute: "))

	def test_a_lost_redis_hurts_no_loop(self) -> None:
		for broken in (
			"frappe.publish_realtime",
			"job_monitor.progress.task_states.publish",
			"rq.get_current_job",
		):
			with patch(broken, side_effect=ConnectionError("gone")):
				self.assertEqual(list(track(range(3))), [0, 1, 2], broken)

	def test_the_time_limit_of_a_job_passes_through_us(self) -> None:
		limit = JobTimeoutException("too long")
		with patch.object(task_states, "_keep", side_effect=limit), self.assertRaises(JobTimeoutException):
			list(track(range(3)))
		with patch("rq.get_current_job", side_effect=limit), self.assertRaises(JobTimeoutException):
			Progress("Import")
		hook = patch.object(frappe.monitor, "add_data_to_monitor", side_effect=limit)
		with patch.dict(frappe.conf, monitor=1), hook, self.assertRaises(JobTimeoutException):
			monitor_tag.tag(SimpleNamespace(origin="bench:short"))

	def test_a_job_whose_progress_hangs_goes_on(self) -> None:
		job_id = self.job("loop_whose_progress_hangs", timeout=10)
		work_off("short")
		self.assertEqual(status(job_id), "finished")

	def test_a_frozen_redis_takes_half_a_second_of_a_loop(self) -> None:
		folder = Path(self.enterContext(tempfile.TemporaryDirectory()))  # type: ignore[attr-defined]
		job_id = self.job("slow_loop")
		for server, url in (("cache", frappe.conf.redis_cache), ("queue", redis_of(get_redis_conn()))):
			with (
				self.subTest(server=server),
				running(Proxy(int(url.rpartition(":")[2]), folder / server)) as proxy,
			):
				self.check_frozen(server, f"redis://127.0.0.1:{proxy.port}", job_id, folder / server)

	def check_frozen(self, server: str, url: str, job_id: str, fault: Path) -> None:
		self.addCleanup(progress.breaker.reset)
		job = Job.fetch(
			job_id, connection=redis.Redis.from_url(url) if server == "queue" else get_redis_conn()
		)
		cache = RedisWrapper.from_url(url) if server == "cache" else frappe.cache
		with (
			patch.object(progress, "TICK_SECONDS", 0),
			patch.object(frappe, "cache", cache),
			patch("rq.get_current_job", return_value=job),
			UnixSignalDeathPenalty(5, JobTimeoutException),
		):
			frappe.local.job_monitor_tasks = None
			progress.breaker.reset()
			items = track(range(1000), title="Import")
			next(items)  # while Redis answers
			fault.write_text("freeze")
			began = time.monotonic()
			self.assertEqual(len(list(items)), 999)
			took = time.monotonic() - began
			self.assertGreater(took, limits.HOOK_SECONDS - 0.05)
			self.assertLess(took, limits.HOOK_SECONDS + 0.3)
			fault.unlink()
			progress.breaker.reset()
			self.assertEqual(len(list(track(range(3), title="Again"))), 3)
		self.assertEqual(self.events[-1][0], "task_complete")
		self.assertIn("done", [task["state"] for task in self.kept() if task["title"] == "Again"])

	def test_a_lost_cache_does_not_silence_the_events(self) -> None:
		with patch.object(frappe, "cache", RedisWrapper.from_url("redis://127.0.0.1:1")):
			list(track(range(3), title="Import"))
		self.assertEqual([event for event, *_more in self.events], ["task_progress", "task_complete"])
		self.assertEqual(self.kept(), [])

	def test_lost_events_do_not_keep_the_state_from_those_who_look_later(self) -> None:
		with patch.object(frappe, "publish_realtime", side_effect=ConnectionError("gone")):
			list(track(range(3), title="Import"))
		self.assertEqual([(task["state"], task["current"]) for task in self.kept()], [("done", 3)])

	def test_few_tasks_of_a_user_are_kept_however_many_there_are(self) -> None:
		with Progress("The one that runs", total=10) as running:
			for _n in range(task_states.KEPT_TASKS * 2 + 5):
				list(track(range(2), title="Short"))
				self.assertLessEqual(len(self.kept()), task_states.KEPT_TASKS)
			titles = [task["title"] for task in self.kept() if task["state"] == "running"]
		self.assertEqual(titles, ["The one that runs"])
		self.assertIn(running.task_id, {task["task_id"] for task in self.kept()})

	def test_ended_and_silent_tasks_are_deleted_first(self) -> None:
		def state(state: str, minutes: int) -> dict[str, str]:
			return {"state": state, "at": add_to_date(now_datetime(), minutes=-minutes).isoformat()}

		states = {
			b"running": state("running", 5),
			b"silent": state("running", 60),
			b"failed": state("failed", 2),
			b"done long ago": state("done", 90),
			b"done": state("done", 1),
		}
		self.assertEqual(task_states._less_needed(states), [b"done long ago", b"silent"])

	def test_a_tick_asks_the_cache_once_and_does_not_read_what_is_kept(self) -> None:
		with Progress("Import", total=10) as task:
			with patch.object(frappe.cache, "execute_command", side_effect=AssertionError("one more")):
				task.publish()
		self.assertEqual(len(self.events), 3)
		self.assertFalse(task.guard.logged)

	def test_a_title_and_a_description_that_are_no_text(self) -> None:
		for value, shown in ((42, "42"), (None, ""), (frappe.get_doc("User", "Guest"), "Guest")):
			with patch.object(progress, "TICK_SECONDS", 0), Progress(value, 2, description=value) as task:
				task.advance(description=value)
			event, message, _user = self.events[-2]
			self.assertEqual((event, message["current"]), ("task_progress", 1))
			self.assertIn(shown, message["title"])
			self.assertIn(shown, message["description"])
			self.assertEqual(self.events[-1][0], "task_complete")
			self.assertFalse(task.guard.logged)

	def test_guests_who_share_a_room_get_no_event(self) -> None:
		self.assertEqual(list(track(range(3), title="Secret", user="Guest")), [0, 1, 2])
		self.assertEqual((self.events, self.kept("Guest")), ([], []))

	def test_a_loop_that_is_left_ends_when_the_block_ends(self) -> None:
		for item in track(range(10), title="Left"):
			if item == 3:
				break
		self.assertEqual(self.events[-1][0], "task_complete")

	def test_the_job_shows_its_progress_while_it_runs(self) -> None:
		job_id = self.job("slow_loop")
		with worker("short"):
			seen = self.wait_for(
				lambda: frappe.get_all("RQ Job", {"name": job_id}, ["progress", "status"])[0].progress,
				"progress",
			)
			self.assertTrue(0 < seen <= 100)
			self.wait_for(lambda: status(job_id) == "finished", "the job ends")
		self.assertEqual(frappe.get_doc("RQ Job", job_id).progress, 100)

	def test_a_failed_loop_is_published_at_the_end_of_its_job(self) -> None:
		job_id = self.job("failing_loop")
		work_off("short")
		self.assertEqual(status(job_id), "failed")
		kept = [task for task in self.kept() if task["job_id"] == job_id]
		self.assertEqual([(task["state"], task["current"]) for task in kept], [("failed", 5)])
		self.assertNotIn("hunter2", kept[0]["message"])

	def test_a_job_knows_that_it_was_asked_to_stop(self) -> None:
		job_id = self.job("stoppable_loop")
		path = "/api/method/job_monitor.api.progress.ask_to_stop"
		other = make_user("jm-nobody@example.com", "Desk User")
		with worker("short"):
			self.wait_for(lambda: status(job_id) == "started", "the job runs")
			self.assertEqual(request(path, other, "POST", job_id=job_id)[0], 403)
			manager = make_user("jm-manager@example.com", "Job Monitor Manager")
			code, answer = request(path, manager, "POST", job_id=job_id)
			self.assertEqual((code, answer["message"]["done"]), (200, True))
			self.wait_for(lambda: status(job_id) == "finished", "the job stops by itself")
		result = Job.fetch(job_id, connection=get_redis_conn()).return_value()
		self.assertTrue(str(result).startswith("stopped at"), result)

	def test_the_references_own_loop(self) -> None:
		long_running_task(["a", "b"], user="Administrator")
		self.assertEqual([event for event, *_more in self.events], ["task_progress"] * 2 + ["task_complete"])
		job_id = self.job("long_running_task", items=["a"] * 5, user="Administrator")
		work_off("short")
		self.assertEqual(status(job_id), "finished")

	def test_who_may_publish_and_read(self) -> None:
		path = "/api/method/job_monitor.api.progress."
		user, other = make_user("jm-a@example.com", "Desk User"), make_user("jm-b@example.com", "Desk User")
		values = {"progress": 40, "title": "Upload", "task_id": "u1"}
		self.assertEqual(request(path + "publish_progress", user, "POST", **values)[0], 200)
		self.assertEqual(request(path + "publish_progress", user, "POST", user=other, **values)[0], 403)
		self.assertIn(request(path + "publish_progress", "", "POST", **values)[0], (401, 403))
		self.assertEqual(request(path + "publish_progress", user, "POST", progress=101, title="x")[0], 417)
		mine = request(path + "get_tasks", user)[1]["message"]
		self.assertEqual([(task["title"], task["progress"]) for task in mine], [("Upload", 40)])
		self.assertEqual(request(path + "get_tasks", other)[1]["message"], [])
