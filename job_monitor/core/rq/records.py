"""What leaves this package: frozen records, moments in UTC, texts already redacted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from job_monitor.core import clock


class Verdict(str, Enum):
	"""Is a worker there? `late` means that it missed a beat which RQ workers always make."""

	ALIVE = "alive"
	LATE = "late"
	DEAD = "dead"


@dataclass(frozen=True)
class Queue:
	"""One queue with its counts.

	Attributes:
		counts: Jobs by status, of the places in `keys.PLACES`. `failed` holds the stopped ones too, as in RQ.
		oldest_enqueued_at: When the longest waiting job was enqueued.
		last_ended_at: When a job of this queue last ended, as far as RQ still knows.
		failed_lately, finished_lately: Jobs that ended so in the last `limits.LATELY_SECONDS`, likewise.
		problem: Why a count is missing ("" if none is).
	"""

	name: str
	short_name: str
	bench: str
	counts: dict[str, int]
	oldest_job_id: str = ""
	oldest_enqueued_at: datetime | None = None
	last_ended_at: datetime | None = None
	failed_lately: int = 0
	finished_lately: int = 0
	problem: str = ""

	def oldest_age(self, now: datetime) -> float | None:
		"""Seconds the longest waiting job has waited, None if none waits."""
		return clock.seconds_between(self.oldest_enqueued_at, now)


@dataclass(frozen=True)
class Job:
	"""One job. In a list only the columns of a list are filled.

	Attributes:
		status: As in the job's hash. Any text: newer RQ knows statuses which this version does not.
		name: The `job_name` given to `frappe.enqueue`, "" if none.
		arguments: JSON text, redacted; cut to the limit of the view.
		exception: Traceback, redacted; cut likewise.
		timeout: Seconds, -1 for none, None if unknown.
		ttl: Seconds until Redis forgets the job, None if never.
		problem: Why a part could not be read ("" if all was).
		meta: JSON text of `job.meta`, redacted.
		progress: 0 to 100, from `meta["progress"]`, None if the job reports none.
	"""

	id: str
	site: str = ""
	queue: str = ""
	status: str = ""
	method: str = ""
	name: str = ""
	arguments: str = ""
	exception: str = ""
	user: str = ""
	worker: str = ""
	created_at: datetime | None = None
	enqueued_at: datetime | None = None
	started_at: datetime | None = None
	ended_at: datetime | None = None
	last_heartbeat: datetime | None = None
	timeout: int | None = None
	ttl: int | None = None
	retries_left: int | None = None
	meta: str = ""
	progress: float | None = None
	dependencies: tuple[str, ...] = ()
	dependents: tuple[str, ...] = ()
	problem: str = ""

	@property
	def wait(self) -> float | None:
		"""Seconds between enqueue and start, None while it waits."""
		return clock.seconds_between(self.enqueued_at, self.started_at)

	@property
	def duration(self) -> float | None:
		"""Seconds between start and end, None while it runs."""
		return clock.seconds_between(self.started_at, self.ended_at)

	def waited(self, now: datetime) -> float | None:
		"""Seconds it waited for its start, or has waited so far; None if it waits no more and never started."""
		if self.started_at is None and self.status == "queued":
			return clock.seconds_between(self.enqueued_at, now)
		return self.wait

	def ran(self, now: datetime) -> float | None:
		"""Seconds it ran, or has run so far."""
		return clock.seconds_between(self.started_at, now) if self.status == "started" else self.duration


@dataclass(frozen=True)
class Worker:
	"""One RQ worker.

	Attributes:
		state: RQ's word: started, idle, busy, suspended, or "?".
		verdict: Judged by the time its key has left on Redis' own clock, so that no host's clock matters.
		total_working_time: Seconds.
		ttl: Seconds until its key expires, None if it never does, -2 if the key is gone.
	"""

	name: str
	state: str = "?"
	verdict: Verdict = Verdict.ALIVE
	reason: str = ""
	queues: tuple[str, ...] = ()
	current_job_ids: tuple[str, ...] = ()
	hostname: str = ""
	ip_address: str = ""
	pid: int | None = None
	rq_version: str = ""
	python_version: str = ""
	birth_date: datetime | None = None
	last_heartbeat: datetime | None = None
	successful_job_count: int = 0
	failed_job_count: int = 0
	total_working_time: float = 0.0
	ttl: int | None = None

	@property
	def status(self) -> str:
		"""RQ's state, or late or dead where the worker is."""
		return self.state if self.verdict is Verdict.ALIVE else self.verdict.value

	@property
	def is_dead(self) -> bool:
		return self.verdict is Verdict.DEAD

	@property
	def current_job_id(self) -> str:
		return self.current_job_ids[0] if self.current_job_ids else ""

	def utilization(self, now: datetime) -> float | None:
		"""Share of its life spent working, 0 to 1, None if its birth is unknown."""
		age = clock.seconds_between(self.birth_date, now)
		return min(1.0, self.total_working_time / age) if age else None


@dataclass(frozen=True)
class Page:
	"""Rows of a list.

	Attributes:
		total: Jobs that match.
		note: What the answer leaves out, "" if nothing.
	"""

	rows: tuple[Job, ...]
	total: int
	note: str = ""


@dataclass(frozen=True)
class SearchResult:
	"""What a time-boxed search found.

	Attributes:
		looked_at: Jobs looked at so far, in all calls that the cursor links.
		out_of: Jobs there were to look at.
		cursor: Pass it on to go on; "" when all was looked at.
		matched: Matches, where they were only counted.
		unread: Jobs looked at in this call whose payload was too large to be judged.
	"""

	rows: tuple[Job, ...]
	looked_at: int
	out_of: int
	cursor: str = ""
	matched: int = 0
	unread: int = 0

	@property
	def complete(self) -> bool:
		"""Whether every job was looked at, from the cursor on, and could be."""
		return not self.cursor and not self.unread


@dataclass(frozen=True)
class Zombies:
	"""Jobs whose hash says queued or started while they stand in no list or registry.

	Attributes:
		looked_at: Job keys looked at. `complete` is False if the time was up before all were.
	"""

	jobs: tuple[Job, ...] = ()
	looked_at: int = 0
	complete: bool = True
	problem: str = ""


@dataclass(frozen=True)
class Snapshot:
	"""What `diagnosis` judges: everything read at one moment.

	Attributes:
		configured: Short names of the queues that the bench's configuration knows; none without a bench.
	"""

	taken_at: datetime
	queues: tuple[Queue, ...] = ()
	workers: tuple[Worker, ...] = ()
	running: tuple[Job, ...] = ()
	zombies: Zombies = field(default_factory=Zombies)
	suspended: bool = False
	configured: tuple[str, ...] = ()

	@property
	def living(self) -> tuple[Worker, ...]:
		"""Workers that are there, late ones among them."""
		return tuple(worker for worker in self.workers if not worker.is_dead)

	def serving(self, queue: Queue) -> list[Worker]:
		"""Workers that are there and take jobs from this queue."""
		return [worker for worker in self.living if queue.name in worker.queues]
