"""The monitoring reference's names on `frappe.utils.background_jobs`, where Frappe itself has them not.

`get_queue_info()` is new there; `get_jobs(…, status=…)` takes one more argument, and without it is core's own.
Installed by `before_request` and `before_job`, and by every call of bench (`job_monitor.commands`).
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULE = "frappe.utils.background_jobs"


def install(*_args: Any, **_kwargs: Any) -> None:
	"""Add the names, now or when the module is imported. Cheap, done once per process, and never raises."""
	module = sys.modules.get(MODULE)
	if module is not None:
		_extend(module)
	elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
		sys.meta_path.insert(0, _Finder())


def _extend(module: ModuleType) -> None:
	core_get_jobs = getattr(module, "get_jobs", None)
	if core_get_jobs is None or hasattr(module, "get_queue_info"):  # a Frappe that has grown them itself
		return

	def get_queue_info() -> dict[str, Any]:
		from job_monitor.api.queues import get_queue_info as answer

		return answer()

	def get_jobs(site: Any = None, queue: Any = None, key: str = "method", status: Any = None) -> Any:
		if status is None:
			return core_get_jobs(site=site, queue=queue, key=key)
		from job_monitor.bridge.queues import JobList

		return JobList(site, queue, status)

	get_jobs.__doc__ = core_get_jobs.__doc__
	module.get_queue_info = get_queue_info  # type: ignore[attr-defined]
	module.get_jobs = get_jobs


class _Finder:
	"""Waits for the module to be imported by someone, extends it, and is gone."""

	def find_spec(
		self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
	) -> ModuleSpec | None:
		if name != MODULE:
			return None
		sys.meta_path.remove(self)  # type: ignore[arg-type]
		spec = importlib.util.find_spec(name)
		if spec is not None and spec.loader is not None:
			spec.loader = _Loader(spec.loader)
		return spec


class _Loader:
	def __init__(self, loader: Any) -> None:
		self.loader = loader

	def create_module(self, spec: ModuleSpec) -> ModuleType | None:
		return self.loader.create_module(spec)

	def exec_module(self, module: ModuleType) -> None:
		self.loader.exec_module(module)
		_extend(module)

	def __getattr__(self, name: str) -> Any:
		return getattr(self.loader, name)
