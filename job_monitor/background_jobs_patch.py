"""Adds the monitoring reference's names to two of Frappe's modules, now or when they are imported.

- `frappe.utils.background_jobs`: `get_queue_info()`, and the argument `status` of `get_jobs`, which without it is Frappe's
  own.
- `frappe.core.doctype.rq_job.rq_job`: Frappe counts another site's jobs as this one's if its name begins with this one's,
  and deletes them. Here the whole name is compared, and `remove_failed_jobs` is audited for callers in Python, too.

Installed by `before_request` and `before_job`, and by each call of bench (`job_monitor.commands`).
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def before_request() -> None:
	"""Install the names, and prepare counts by group. One hook, as Frappe takes a tenth of a millisecond to call one."""
	install()
	import frappe

	if frappe.form_dict.get("aggregate_function"):
		from job_monitor.bridge.lists.group_by import move_into_fields

		move_into_fields(frappe.form_dict)


installed = False
"""Whether this process has the names, or gets them with the modules."""


def install(*_args: Any, **_kwargs: Any) -> None:
	"""Add the names, now or when the modules are imported. Cheap, done once per process, and never raises."""
	global installed
	installed = True
	for name, extend in _EXTENSIONS.items():
		module = sys.modules.get(name)
		if module is not None:
			extend(module)
		elif not any(isinstance(finder, _Finder) and finder.name == name for finder in sys.meta_path):
			sys.meta_path.insert(0, _Finder(name, extend))


def _add_names(module: ModuleType) -> None:
	frappes_get_jobs = getattr(module, "get_jobs", None)
	if frappes_get_jobs is None or hasattr(module, "get_queue_info"):  # a Frappe that has them itself
		return

	def get_queue_info() -> dict[str, Any]:
		from job_monitor.api.queues import get_queue_info as queue_info

		return queue_info()

	def get_jobs(site: Any = None, queue: Any = None, key: str = "method", status: Any = None) -> Any:
		if status is None:
			return frappes_get_jobs(site=site, queue=queue, key=key)
		from job_monitor.bridge.rq.job_list import JobList

		return JobList(site, queue, status)

	get_jobs.__doc__ = frappes_get_jobs.__doc__
	module.get_queue_info = get_queue_info  # type: ignore[attr-defined]
	module.get_jobs = get_jobs


def _compare_whole_names(module: ModuleType) -> None:
	frappes_remove = getattr(module, "remove_failed_jobs", None)
	if frappes_remove is None or hasattr(frappes_remove, "job_monitor"):
		return

	def filter_current_site_jobs(job_ids: list[str]) -> list[str]:
		import frappe

		from job_monitor.core.rq.keys import site_of

		return [job_id for job_id in job_ids if site_of(job_id) == frappe.local.site]

	@wraps(frappes_remove)
	def remove_failed_jobs() -> None:
		import frappe

		if "job_monitor" not in frappe.get_installed_apps():
			return frappes_remove()
		from job_monitor.bridge.rq.actions import remove_failed

		remove_failed()

	remove_failed_jobs.job_monitor = True  # type: ignore[attr-defined]
	module.filter_current_site_jobs = filter_current_site_jobs  # type: ignore[attr-defined]
	module.remove_failed_jobs = remove_failed_jobs  # type: ignore[attr-defined]


_EXTENSIONS: dict[str, Callable[[ModuleType], None]] = {
	"frappe.utils.background_jobs": _add_names,
	"frappe.core.doctype.rq_job.rq_job": _compare_whole_names,
}


class _Finder:
	"""A finder that extends a module when it is imported, and then removes itself."""

	def __init__(self, name: str, extend: Callable[[ModuleType], None]) -> None:
		self.name = name
		self.extend = extend

	def find_spec(
		self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
	) -> ModuleSpec | None:
		if name != self.name:
			return None
		sys.meta_path.remove(self)  # type: ignore[arg-type]
		spec = importlib.util.find_spec(name)
		if spec is not None and spec.loader is not None:
			spec.loader = _Loader(spec.loader, self.extend)
		return spec


class _Loader:
	"""The loader of a module, which extends it once it is loaded."""

	def __init__(self, loader: Any, extend: Callable[[ModuleType], None]) -> None:
		self.loader = loader
		self.extend = extend

	def create_module(self, spec: ModuleSpec) -> ModuleType | None:
		return self.loader.create_module(spec)

	def exec_module(self, module: ModuleType) -> None:
		self.loader.exec_module(module)
		self.extend(module)

	def __getattr__(self, name: str) -> Any:
		return getattr(self.loader, name)
