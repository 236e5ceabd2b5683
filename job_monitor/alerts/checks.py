"""One function for each kind of rule: what is over its threshold now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta

from frappe import _

from job_monitor.alerts.facts import CouldNotTell, Facts
from job_monitor.bridge import session
from job_monitor.bridge.history import MethodCounts
from job_monitor.bridge.times import to_site
from job_monitor.core import clock, health, keys, limits
from job_monitor.core.alerting import Incident, Rule, Sighting
from job_monitor.core.health import duration
from job_monitor.core.records import Job, Queue, Verdict, Worker
from job_monitor.core.schedules import ScheduleHealth

Known = Mapping[str, Incident]
Check = Callable[[Rule, Facts, Known], Iterable[Sighting] | None]

CHECKS: dict[str, Check] = {}
"""By the name of the kind. None as an answer: cannot be said, and why is told elsewhere."""


def _check(kind: str) -> Callable[[Check], Check]:
	def note(function: Check) -> Check:
		CHECKS[kind] = function
		return function

	return note


# Failures


@_check("Error Log Rate")
def error_log_rate(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	errors = facts.error_logs(rule.window_minutes)
	if errors > rule.threshold:
		title = _("{0} errors in the last {1}").format(errors, duration(rule.window_minutes * 60))
		text = _("The Error Log has more than {0}.").format(f"{rule.threshold:g}")
		yield Sighting(_("Error Log"), title, text, errors)


@_check("Failure Rate")
def failure_rate(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	methods = _by_method(rule, facts)
	found = [sighting for method, counts in methods.items() if (sighting := _rate(rule, method, counts))]
	if not found and rule.subject == "*":  # many methods that each fail a little
		every = _rate(rule, _("all methods"), [one for counts in methods.values() for one in counts])
		found = [every] if every else []
	yield from found


def _by_method(rule: Rule, facts: Facts) -> dict[str, list[MethodCounts]]:
	methods = defaultdict(list)
	for counts in facts.outcomes(rule.window_minutes):
		if rule.covers(counts.queue, counts.method):
			methods[counts.method].append(counts)
	return methods


def _rate(rule: Rule, subject: str, counts: list[MethodCounts]) -> Sighting | None:
	bad, total = sum(one.bad for one in counts), sum(one.total for one in counts)
	if bad < max(1, rule.minimum) or 100 * bad / total < rule.threshold:
		return None
	title = _("{1} of {2} runs failed: {0}").format(subject, bad, total)
	return Sighting(subject, title, _window(rule), 100 * bad / total)


def _window(rule: Rule) -> str:
	return _("In the last {0}.").format(duration(rule.window_minutes * 60))


@_check("Method Failures")
def method_failures(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	for method, counts in _by_method(rule, facts).items():
		bad = sum(one.bad for one in counts)
		if bad >= max(1, rule.threshold):
			yield Sighting(method, _("Failed {1} times: {0}").format(method, bad), _window(rule), bad)


@_check("New Failure Group")
def new_failure_group(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	since = facts.now - timedelta(minutes=rule.window_minutes)
	for group in facts.new_groups(rule.window_minutes):
		if rule.covers(subject=group["method"]) and group["state"] == "Open":
			again = group["reopened_at"] and group["reopened_at"] >= since
			title = _("{0} fails again: {1}") if again else _("New failure of {0}: {1}")
			text = _("{0} times so far. See Job Failure Group {1}.").format(
				group["occurrences"], group["name"]
			)
			title = title.format(group["method"], group["title"])
			yield Sighting(group["name"], title, text, group["occurrences"])


# Queues


def _waiting(rule: Rule, facts: Facts) -> Iterator[tuple[Queue, int]]:
	"""Queues of the rule in which jobs wait, and how many."""
	for queue in facts.snapshot.queues:
		if rule.covers(queue=queue.short_name) and (waiting := queue.counts.get(keys.QUEUED, 0)):
			yield queue, waiting


def _jobs_wait(waiting: int, age: float | None) -> str:
	return _("{0} jobs wait, the oldest for {1}.").format(f"{waiting:,}", duration(age))


@_check("Queue Age")
def queue_age(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	for queue, waiting in _waiting(rule, facts):
		age = queue.oldest_age(facts.snapshot.taken_at)
		if age is not None and age > rule.threshold:
			serving = _serving(queue, facts.snapshot.workers)
			busy = sum(worker.state == "busy" for worker in serving)
			title = _("Queue {0}: the oldest job waits for {1}").format(queue.short_name, duration(age))
			text = [_jobs_wait(waiting, age), _("{0} of {1} workers busy.").format(busy, len(serving))]
			yield Sighting(queue.short_name, title, " ".join(text), age)


@_check("Queue Depth")
def queue_depth(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	limit = facts.enqueue_limit
	for queue, waiting in _waiting(rule, facts) if limit else ():
		if 100 * waiting / limit >= rule.threshold:
			title = _("Queue {0} holds {1} of {2} jobs").format(
				queue.short_name, f"{waiting:,}", f"{limit:,}"
			)
			text = _("When it is full, frappe.enqueue throws QueueOverloaded.")
			yield Sighting(queue.short_name, title, text, 100 * waiting / limit)


@_check("Stalled Queue")
def stalled_queue(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	for queue, waiting in _waiting(rule, facts):
		age = queue.oldest_age(facts.snapshot.taken_at)
		serving = _serving(queue, facts.snapshot.workers)
		stalled = age is not None and age >= rule.threshold and serving
		if facts.snapshot.suspended:
			title = _("Workers are suspended: queue {0} stands still").format(queue.short_name)
			yield Sighting(queue.short_name, title, _jobs_wait(waiting, age), age or 0.0)
		elif stalled and not health.moves(queue, facts.snapshot, rule.threshold):
			title = _("Queue {0} stands still").format(queue.short_name)
			held = ", ".join(sorted({i for worker in serving for i in worker.current_job_ids})) or _(
				"nothing"
			)
			text = _("For {0} nothing has started or ended. Its workers hold: {1}.").format(
				duration(rule.threshold), held[:500]
			)
			yield Sighting(queue.short_name, title, f"{_jobs_wait(waiting, age)} {text}", age or 0.0)


@_check("No Worker")
def no_worker(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	for queue, waiting in _waiting(rule, facts):
		if not _serving(queue, facts.snapshot.workers):
			title = _("No worker serves queue {0}").format(queue.short_name)
			start = _("Start one: {0}").format(f"bench worker --queue {queue.short_name}")
			age = queue.oldest_age(facts.snapshot.taken_at)
			yield Sighting(queue.short_name, title, f"{_jobs_wait(waiting, age)} {start}", waiting)


def _serving(queue: Queue, workers: Iterable[Worker]) -> list[Worker]:
	return [w for w in workers if queue.name in w.queues and w.verdict is not Verdict.DEAD]


@_check("Failed Registry")
def failed_registry(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	limit = facts.failed_limit
	for queue in facts.snapshot.queues:
		failed = queue.counts.get(keys.FAILED, 0)
		if rule.covers(queue=queue.short_name) and 100 * failed / limit >= rule.threshold:
			title = _("Queue {0} keeps {1} of {2} failed jobs").format(queue.short_name, failed, limit)
			text = _("At the limit Frappe drops new failures, not old ones. Job Failure has them all.")
			yield Sighting(queue.short_name, title, text, 100 * failed / limit)


@_check("Redis Memory")
def redis_memory(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	used, most = facts.redis_memory
	if most and 100 * used / most >= rule.threshold:
		title = _("Redis has used {0} of {1} MB").format(used >> 20, most >> 20)
		text = _("At its limit it refuses new jobs, or drops keys.")
		yield Sighting("Redis", title, text, 100 * used / most)


# Workers and jobs


@_check("Dead Worker")
def dead_worker(rule: Rule, facts: Facts, known: Known) -> Iterator[Sighting]:
	"""Dead workers whose place nobody has taken. RQ forgets them after some minutes; we, after a day."""
	workers = facts.snapshot.workers
	lost = {w.name: _lost(w) for w in workers if w.verdict is Verdict.DEAD and _covers(rule, w)}
	for name, incident in known.items():
		if name not in lost and facts.now - incident.began_at < timedelta(days=1):
			if not any(w.name == name for w in workers):
				lost[name] = Sighting(name, incident.title, incident.text, context=incident.context)
	replaced = Counter(
		{name: sum(_replaces(w, sighting) for w in workers) for name, sighting in lost.items()}
	)
	taken: Counter[str] = Counter()
	for name, sighting in lost.items():
		queues = sighting.context.partition(" ")[0]
		if replaced[name] > taken[queues]:
			taken[queues] += 1
		else:
			yield sighting


def _covers(rule: Rule, worker: Worker) -> bool:
	return any(rule.covers(queue=keys.split_queue(queue)[1]) for queue in worker.queues)


def _queues(worker: Worker) -> str:
	return ",".join(sorted(worker.queues)) or "?"


def _lost(worker: Worker) -> Sighting:
	"""What is known of a dead worker; its context: queues, and when it was last alive."""
	title = _("A worker died: {0}").format(worker.name)
	served = ", ".join(keys.split_queue(queue)[1] for queue in worker.queues) or _("unknown queues")
	held = _("It held job {0}.").format(", ".join(worker.current_job_ids)) if worker.current_job_ids else ""
	text = _("It served {0} on {1}: {2}. {3}").format(served, worker.hostname or "?", worker.reason, held)
	beat = worker.last_heartbeat.isoformat() if worker.last_heartbeat else ""
	return Sighting(worker.name, title, text.strip(), context=f"{_queues(worker)} {beat}")


def _replaces(worker: Worker, lost: Sighting) -> bool:
	queues, _space, beat = lost.context.partition(" ")
	if worker.verdict is Verdict.DEAD or worker.birth_date is None or _queues(worker) != queues:
		return False
	died_at = clock.parse(beat)
	return died_at is None or worker.birth_date > died_at


@_check("Stuck Job")
def stuck_job(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	"""Of this site's jobs. The 500 that started last are looked at."""
	for job in facts.snapshot.running:
		if job.status != keys.STARTED or not session.is_own(job):
			continue
		if rule.covers(keys.split_queue(job.queue)[1], job.method):
			runs = clock.seconds_between(job.started_at, facts.snapshot.taken_at)
			if sighting := _past_timeout(job, facts) or _unusual(rule, job, runs, facts):
				yield sighting


def _past_timeout(job: Job, facts: Facts) -> Sighting | None:
	over = health.overtime(job, facts.snapshot.taken_at)
	if over is None:
		return None
	title = _("{0} runs {1} past its timeout").format(job.method or job.id, duration(over))
	return Sighting(job.id, title, _started(job), over)


def _unusual(rule: Rule, job: Job, runs: float | None, facts: Facts) -> Sighting | None:
	if runs is None or runs < limits.UNUSUAL_SECONDS:
		return None
	usual = facts.baselines.get(job.method)
	if usual is None or usual.samples < rule.minimum or runs <= rule.threshold * usual.p95:
		return None
	title = _("{0} runs for {1}").format(job.method, duration(runs))
	text = _("95 % of its {0} runs of the last week took less than {1}.").format(
		usual.samples, duration(usual.p95)
	)
	return Sighting(job.id, title, f"{text} {_started(job)}", runs / (usual.p95 or 1), mild=True)


def _started(job: Job) -> str:
	at = to_site(job.started_at)
	return _("Job {0}, since {1}, on worker {2}.").format(
		job.id, f"{at:%Y-%m-%d %H:%M:%S}" if at else "?", job.worker or "?"
	)


# Schedules


@_check("Missed Schedule")
def missed_schedule(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting] | None:
	if not facts.scheduler.runs:
		return None
	return _missed(rule, facts)


def _missed(rule: Rule, facts: Facts) -> Iterator[Sighting]:
	for schedule in _schedules(rule, facts, "missed"):
		runs = schedule.missed_runs
		if runs >= rule.threshold or not runs:  # none where there is no time at which it should run
			title = _("{1} runs missed: {0}") if runs > 1 else _("Run missed: {0}")
			yield _of_schedule(schedule, title.format(schedule.method, runs), runs)


@_check("Failing Schedule")
def failing_schedule(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	for schedule in _schedules(rule, facts, "failing"):
		if schedule.failures >= rule.threshold:
			title = (
				_("Failed {1} times in a row: {0}")
				if schedule.failures > 1
				else _("Scheduled run failed: {0}")
			)
			yield _of_schedule(schedule, title.format(schedule.method, schedule.failures), schedule.failures)


def _schedules(rule: Rule, facts: Facts, state: str) -> Iterator[ScheduleHealth]:
	for schedule in facts.schedules:
		if schedule.state == state and (
			rule.covers(subject=schedule.name) or rule.covers(subject=schedule.method)
		):
			yield schedule


def _of_schedule(schedule: ScheduleHealth, title: str, value: float = 0.0) -> Sighting:
	return Sighting(schedule.name, title, f"{schedule.message}\n{schedule.hint}".strip(), value)


@_check("Blocked Schedule")
def blocked_schedule(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	for schedule in _schedules(rule, facts, "blocked"):
		yield _of_schedule(schedule, _("Blocked by a dead job: {0}").format(schedule.method))


@_check("Scheduler")
def scheduler(_rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	found = facts.scheduler
	if not found.runs:
		title = {
			"absent": _("The scheduler is absent: no scheduled job is started"),
			"disabled": _("The scheduler of this site is disabled"),
			"paused": _("The scheduler of this site is paused"),
			"dormant": _("The site counts as dormant: its scheduled jobs run once a day"),
		}.get(found.state, found.state)
		yield Sighting(_("Scheduler"), title, found.detail, mild=found.state == "dormant")


# The monitor itself


@_check("Evaluation Gap")
def evaluation_gap(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	before = facts.last_evaluated_at
	minutes = (facts.now - before).total_seconds() / 60 if before else 0.0
	if before and minutes > rule.threshold:
		title = _("Alerts were not looked at for {0}").format(duration(minutes * 60))
		text = _("From {0} to {1}: whatever began and ended in between was not told.")
		yield Sighting(
			_("Alerts"), title, text.format(f"{before:%Y-%m-%d %H:%M}", f"{facts.now:%H:%M}"), minutes
		)


def could_not_ask(problems: Mapping[str, str]) -> Iterator[Sighting]:
	"""Of what the other checks ran into, by source."""
	for source, text in problems.items():
		title = _("{0} could not be asked").format(source)
		hint = _("What the rules that need it would tell is unknown; what is open stays open.")
		yield Sighting(source, title, f"{text}\n{hint}")


def look(rule: Rule, facts: Facts, known: Known, problems: dict[str, str]) -> list[Sighting] | None:
	"""What a rule sees. None if it cannot say; what it could not ask is added to the problems."""
	try:
		seen = CHECKS[rule.kind](rule, facts, known)
		return None if seen is None else list(seen)
	except CouldNotTell as error:
		problems[error.source] = str(error)
	except Exception as error:  # a bug of ours must not silence the other rules
		problems[_("Rule {0}").format(rule.name)] = f"{type(error).__name__}: {error}"
	return None
