"""Who holds a file's lock, without trying to take it."""

from __future__ import annotations

import os
from pathlib import Path


def process_holds(lock: Path) -> bool | None:
	"""Whether some process holds a file's lock; None where the system does not tell.

	Frappe's scheduler locks `config/scheduler_process` while it lives (`utils/scheduler.py`). Trying the lock
	would make a scheduler that starts in that moment give up, so the kernel's list is read instead.
	"""
	try:
		held = Path("/proc/locks").read_text()
		inode = os.stat(lock).st_ino if lock.exists() else -1
	except OSError:
		return None
	return any(f":{inode} " in line for line in held.splitlines())
