"""A bench's folder with logs in it."""

from __future__ import annotations

from pathlib import Path

from job_monitor.core.logs.pages import LogPage

TRACEBACK = (
	"Traceback (most recent call last):\n"
	'  File "app/tasks.py", line 3, in run\n'
	"    connect(password='hunter2')\n"
	"ValueError: no such customer\n"
)
CHAINED = "\nDuring handling of the above exception, another exception occurred:\n\n" + TRACEBACK


def at(second: int, level: str = "INFO", text: str = "entry") -> str:
	return f"2026-01-31 10:{second // 60:02}:{second % 60:02},250 {level} scheduler {text} {second}\n"


def make_bench(folder: Path) -> Path:
	"""A bench with one site, `a.localhost`."""
	(folder / "logs").mkdir()
	(folder / "sites" / "a.localhost" / "logs").mkdir(parents=True)
	(folder / "sites" / "a.localhost" / "site_config.json").write_text("{}")
	return folder


def write(bench: Path, data: str | bytes, file: str = "scheduler.log") -> Path:
	path = bench / "logs" / file
	path.write_bytes(data if isinstance(data, bytes) else data.encode())
	return path


def texts(page: LogPage) -> list[str]:
	return [record.text for record in page.records]
