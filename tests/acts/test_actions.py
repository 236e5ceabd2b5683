"""Acting on a job: what it leaves on Redis, and what it refuses, on real keys and real workers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.core.acts import actions
from job_monitor.core.errors import CouldNotAsk, JobNotFound
from job_monitor.core.rq import keys, zombies
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.queues import read_queues
from tests.support.jobs import Jobs, at, full
from tests.support.processes import ROOT, Workers, wait_until

OLD = limits.ZOMBIE_GRACE_SECONDS + 60
IDS = ("a.localhost||9b2e7c1a-1111-4222-8333-444455556666", "a.localhost::9b2e7c1a", "a||scheduled_job||x.y")


def keys_of(connection: Any, job_id: str) -> list[bytes]:
	return [key for key in connection.keys() if job_id.encode() in key]


@pytest.mark.parametrize("status", ["queued", "deferred", "scheduled"])
def test_a_waiting_job_is_deleted_not_kept_as_canceled(
	connection: Any, client: RqClient, jobs: Jobs, status: str
) -> None:
	jobs.raw("a||1", status=status)
	jobs.raw("a||other", status=status)
	assert actions.remove(client, "a||1").done
	assert not keys_of(connection, "a||1")
	counts = read_queues(client)[0].counts
	assert counts[status] == 1 and counts["canceled"] == 0
	with pytest.raises(JobNotFound):
		actions.remove(client, "a||1")


@pytest.mark.parametrize("status", ["finished", "failed", "stopped", "canceled"])
def test_an_ended_job_is_deleted_with_its_result(
	connection: Any, client: RqClient, jobs: Jobs, status: str
) -> None:
	jobs.raw("a||1", status=status, place="failed" if status == "stopped" else status)
	connection.xadd("rq:results:a||1", {"type": "2"})
	outcome = actions.remove(client, "a||1")
	assert (outcome.done, outcome.status) == (True, "")
	assert not keys_of(connection, "a||1")
	assert not any(read_queues(client)[0].counts.values())


def test_an_ended_job_without_a_payload_is_deleted_from_its_registry_too(
	connection: Any, client: RqClient, jobs: Jobs
) -> None:
	jobs.raw("a||1", status="failed", data=None)
	assert actions.remove(client, "a||1").done
	assert not keys_of(connection, "a||1")
	assert not any(read_queues(client)[0].counts.values())


def test_who_waits_for_a_removed_job_is_left_and_told(connection: Any, client: RqClient, jobs: Jobs) -> None:
	first = jobs.enqueue()
	second = jobs.enqueue(depends_on=first)
	outcome = actions.remove(client, first)
	assert outcome.done and "1 job that waits for it will not start" in outcome.message
	assert read_job(client, second).status == "deferred"
	assert not connection.exists(*keys.all_of_job(first))


def test_a_running_job_is_not_removed(client: RqClient, jobs: Jobs, workers: Workers) -> None:
	job_id = jobs.enqueue("hang")
	workers.start("default")
	wait_until(lambda: read_job(client, job_id).status == "started" and read_job(client, job_id).worker)
	outcome = actions.remove(client, job_id)
	assert not outcome.done and "stopped first" in outcome.message
	jobs.connection.hset(keys.job_key(job_id), mapping=dict.fromkeys(_MOMENTS, "2020-01-01T00:00:00Z"))
	assert not actions.remove(client, job_id).done
	assert read_job(client, job_id).status == "started"


_MOMENTS = ("created_at", "enqueued_at", "started_at", "last_heartbeat")


def test_a_job_that_a_worker_took_meanwhile_is_left_to_it(
	connection: Any, client: RqClient, jobs: Jobs
) -> None:
	jobs.raw("a||1", age=OLD)
	connection.lmove(keys.queue_key(full("default")), keys.intermediate_key(full("default")))
	outcome = actions.remove(client, "a||1")
	assert not outcome.done and "left its queue" in outcome.message
	assert connection.exists("rq:job:a||1")


# Zombies


@pytest.mark.parametrize("status", ["queued", "started"])
@pytest.mark.parametrize("job_id", IDS)
def test_every_zombie_that_is_found_can_be_removed(
	connection: Any, client: RqClient, jobs: Jobs, status: str, job_id: str
) -> None:
	jobs.raw(job_id, status=status, place=None, age=OLD, worker_name="gone")
	connection.sadd(keys.dependents_key(job_id), "a||2")
	connection.xadd(keys.results_key(job_id), {"type": "2"})
	jobs.raw("a||other", age=OLD)
	assert [job.id for job in zombies.find(client, 10).jobs] == [job_id]
	outcome = actions.remove(client, job_id)
	assert (outcome.done, outcome.status) == (True, "") and "zombie" in outcome.message
	assert not keys_of(connection, job_id)
	assert not zombies.find(client, 10).jobs and read_job(client, "a||other").status == "queued"


def test_a_zombie_without_a_payload_can_be_removed(connection: Any, client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||1", place=None, age=OLD, data=None)
	jobs.raw("a||2", status="started", place=None, age=OLD, data=None)
	assert actions.remove(client, "a||2").done
	assert not connection.exists("rq:job:a||2")


@pytest.mark.parametrize("place", [place for place in keys.PLACES if place != "queued"])
@pytest.mark.parametrize("queue", ["default", "long"])
def test_a_job_that_stands_in_any_registry_of_any_queue_is_no_zombie(
	connection: Any, client: RqClient, jobs: Jobs, place: str, queue: str
) -> None:
	jobs.raw("a||1", status="started", place=None, age=OLD)
	connection.sadd("rq:queues", f"rq:queue:{full(queue)}")
	jobs.put(f"a||1:{'0' * 32}" if place == "started" else "a||1", place, queue)
	assert not actions.remove(client, "a||1").done
	assert connection.exists("rq:job:a||1")


@pytest.mark.parametrize("list_name", ["queue:{}", "queue:{}:intermediate"])
def test_a_job_in_another_queues_list_is_no_zombie(
	connection: Any, client: RqClient, jobs: Jobs, list_name: str
) -> None:
	jobs.raw("a||1", place=None, age=OLD)
	connection.sadd("rq:queues", f"rq:queue:{full('long')}")
	connection.rpush("rq:" + list_name.format(full("long")), "a||1")
	assert not actions.remove(client, "a||1").done
	assert connection.exists("rq:job:a||1")


def test_a_young_job_may_be_on_its_way(connection: Any, client: RqClient, jobs: Jobs) -> None:
	for fields in ({"age": 5}, {"age": OLD, "last_heartbeat": at(1)}):
		jobs.raw("a||1", status="started", place=None, **fields)
		assert not actions.remove(client, "a||1").done
	assert connection.exists("rq:job:a||1")


def test_a_zombie_that_comes_to_life_in_that_moment_is_left(
	connection: Any, client: RqClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	jobs.raw("a||1", place=None, age=OLD)
	look = zombies.is_one

	def look_and_enqueue(*arguments: Any) -> bool:
		found = look(*arguments)
		connection.hset("rq:job:a||1", "enqueued_at", "2026-01-31T10:20:30.000000Z")
		return found

	monkeypatch.setattr(zombies, "is_one", look_and_enqueue)
	outcome = actions.remove(client, "a||1")
	assert (outcome.done, outcome.message) == (False, "its state has changed meanwhile")
	assert connection.exists("rq:job:a||1")


def test_what_redis_refuses_to_tell_is_no_proof(connection: Any, jobs: Jobs) -> None:
	jobs.raw("a||1", status="started", place=None, age=OLD)

	class Refuses(RqClient):
		def ask(self, commands: Any) -> list[Any]:
			commands = list(commands)
			answers = super().ask(commands)
			return [
				PermissionError("NOPERM") if command[0] == "LPOS" else answer
				for command, answer in zip(commands, answers, strict=True)
			]

	with pytest.raises(CouldNotAsk):
		actions.remove(Refuses(connection), "a||1")
	assert connection.exists("rq:job:a||1")


# Ids that RQ would refuse


ACT = """
import sys, redis
from job_monitor.core.acts import actions
from job_monitor.core.rq.client import RqClient
url, action, job_id = sys.argv[1:]
print(getattr(actions, action)(RqClient(redis.Redis.from_url(url)), job_id).done)
"""


@pytest.mark.parametrize("job_id", IDS)
@pytest.mark.parametrize(
	("action", "status"),
	[
		("retry", "failed"),
		("retry", "canceled"),
		("remove", "failed"),
		("remove", "queued"),
		("remove", "scheduled"),
		("release", "queued"),
	],
)
def test_frappes_ids_are_acted_on_whatever_ids_rq_accepts(
	redis_url: str, client: RqClient, jobs: Jobs, job_id: str, action: str, status: str
) -> None:
	jobs.raw(job_id, status=status, place=None if action == "release" else status, age=OLD)
	# In a process of its own: here RQ was taught to accept such ids
	done = subprocess.run(
		[sys.executable, "-c", ACT, redis_url, action, job_id],
		env={"PYTHONPATH": str(ROOT)},
		capture_output=True,
		text=True,
		timeout=60,
	)
	assert (done.stdout.strip(), done.stderr) == ("True", "")
	if action == "retry":
		assert read_job(client, job_id).status == "queued" and read_queues(client)[0].counts["queued"] == 1
	else:
		assert not keys_of(jobs.connection, job_id)


def test_a_retried_job_runs(client: RqClient, jobs: Jobs, workers: Workers) -> None:
	job_id = jobs.enqueue("fail")
	workers.burst()
	assert read_job(client, job_id).status == "failed"
	assert actions.retry(client, job_id).done
	workers.burst()
	assert read_job(client, job_id).status == "failed" and read_queues(client)[0].counts["failed"] == 1


def test_a_canceled_job_is_kept_does_not_run_and_can_be_retried(
	client: RqClient, jobs: Jobs, workers: Workers
) -> None:
	job_id = jobs.enqueue("succeed")
	assert actions.cancel(client, job_id).status == "canceled"
	assert read_queues(client)[0].counts["canceled"] == 1
	workers.burst("default")
	assert read_job(client, job_id).status == "canceled"
	assert not actions.cancel(client, job_id).done, "it does not wait any more"
	assert actions.retry(client, job_id).done
	workers.burst("default")
	assert read_job(client, job_id).status == "finished"
