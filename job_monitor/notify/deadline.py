"""A deadline for work that may take longer than its own timeouts: a name server, a server that sends a byte a second."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from job_monitor.notify.message import DeliveryError

T = TypeVar("T")


def run_within(seconds: float, what: str, work: Callable[[], T]) -> T:
	"""The result of `work`, which runs in a thread of its own and may not use Frappe.

	A job's time limit, which is a signal, reaches the caller while it waits here.

	Raises:
		DeliveryError: The work took too long. Its thread ends with its own timeouts.
	"""
	outcome: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

	def run() -> None:
		try:
			outcome.put((work(), None))
		except BaseException as error:
			outcome.put((None, error))

	Thread(target=run, daemon=True).start()
	try:
		result, error = outcome.get(timeout=seconds)
	except Empty:
		raise DeliveryError(f"{what} took longer than {seconds:.0f} s.") from None
	if error is not None:
		raise error
	return result  # type: ignore[return-value]
