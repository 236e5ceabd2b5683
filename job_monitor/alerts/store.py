"""Rules and incidents in the site's database: Job Alert Rule, Job Alert and its flips.

The moments that transitions depend on are kept in UTC, in `moments`: a clock or a zone that is set back neither delays nor repeats a
notice. The columns beside it are for people, in the site's time zone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import frappe
from frappe.utils import cint, flt, get_datetime, now_datetime

from job_monitor.bridge.timezones import to_site, to_utc
from job_monitor.core import limits
from job_monitor.core.alerts.incidents import MOMENTS, Incident, Notice, State, Transition
from job_monitor.core.alerts.kinds import KINDS
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.findings import Severity

RULE, ALERT, FLIP = "Job Alert Rule", "Job Alert", "Job Alert Flip"
OPEN = (State.PENDING.value, State.FIRING.value)

Known = dict[str, dict[str, Incident]]
"""Pending and firing incidents by rule and subject."""

_RULE_FIELDS = ("kind", "severity", "queue", "subject", "threshold", "minimum", "window_minutes")
_FIELDS = ("subject", "state", "title", "text", "value", "context", "severity")


def rules() -> list[Rule]:
	"""Rules that are enabled. Rules of a kind that this version does not know are left out."""
	fields = ("name", *_RULE_FIELDS, "pending_period", "repeat_interval", "muted_until")
	rows = _select(f"select {_columns(fields)} from `tab{RULE}` where enabled = 1 order by name")
	return [rule(row) for row in rows if row.kind in KINDS and not _is_another_sites(row.kind)]


def _is_another_sites(kind: str) -> bool:
	"""Whether another site evaluates this kind for all sites of the bench."""
	site = frappe.conf.get("job_monitor_bench_site")
	return KINDS[kind].of_bench and bool(site) and site != frappe.local.site


def rule(row: Any) -> Rule:
	"""The rule of a row or a document."""
	return Rule(
		name=row.name or "",
		kind=row.kind,
		severity=Severity(row.severity.lower()),
		queue=row.queue or "*",
		subject=row.subject or "*",
		threshold=flt(row.threshold),
		minimum=cint(row.minimum),
		window_minutes=cint(row.window_minutes),
		pending_period=cint(row.pending_period) * 60,
		repeat_interval=cint(row.repeat_interval) * 3600,
		notify_on_resolve=KINDS[row.kind].notify_on_resolve,
		muted_until=_utc(row.muted_until),
	)


def read_open() -> tuple[Known, dict[tuple[str, str], str]]:
	"""Open incidents, and the names of their documents by rule and subject."""
	known: Known = defaultdict(dict)
	names: dict[tuple[str, str], str] = {}
	fields = ("name", "rule", "acknowledged_by", "muted_until", "moments", *_FIELDS, *MOMENTS)
	query = f"select {_columns(fields)} from `tab{ALERT}` where state in %(open)s order by creation desc"
	for row in _select(query, {"open": OPEN}):
		known[row.rule][row.subject] = _incident(row)
		names[row.rule, row.subject] = row.name
	return known, names


def _columns(names: Iterable[str]) -> str:
	return ", ".join(f"`{name}`" for name in names)


def _select(query: str, values: Any = ()) -> list[Any]:
	"""In SQL, as each evaluation needs it: see `bridge.site.state`."""
	return frappe.db.sql(query, values, as_dict=True)


def _incident(row: Any) -> Incident:
	values = {field: row[field] for field in _FIELDS}
	return Incident(
		**{
			**values,
			**moments(row),
			"text": row.text or "",
			"context": row.context or "",
			"state": State(row.state),
			"severity": Severity(row.severity.lower()),
			"acknowledged": bool(row.acknowledged_by),
			"muted_until": _utc(row.muted_until),
		}
	)


def moments(row: Any) -> dict[str, datetime | None]:
	"""An alert's moments in UTC, by name. A row of an older release has them in the columns for people alone."""
	if not row.moments:
		return {name: _utc(row.get(name)) for name in MOMENTS}
	kept = json.loads(row.moments)
	return {name: datetime.fromisoformat(kept[name]) if kept.get(name) else None for name in MOMENTS}


def _utc(value: Any) -> datetime | None:
	return to_utc(get_datetime(value)) if value else None


def write(
	rule_name: str,
	transitions: Iterable[Transition],
	names: dict[tuple[str, str], str],
	now: datetime,
	by: str,
) -> None:
	"""Write down what changed. The caller holds the lock, and commits."""
	inserted = False
	for transition in transitions:
		before, after = transition.before, transition.after
		incident = after or before
		assert incident is not None
		name = names.get((rule_name, incident.subject), "")
		if after is None:
			forget([name])
			continue
		if before is None:
			name = _insert(rule_name, after)
			inserted = True
		else:
			_update(name, before, after)
		if transition.is_flip:
			what = transition.notice.value or after.state.value
			add_flip(name, to_site(now), what.title(), by, transition.notice)
	if inserted:
		trim()


def trim() -> None:
	"""Delete the oldest resolved alerts beyond the number that is kept."""
	alert = frappe.qb.DocType(ALERT)
	query = frappe.qb.from_(alert).select(alert.name).where(alert.state == State.RESOLVED.value)
	query = query.orderby(alert.creation, order=frappe.qb.desc)
	forget([name for (name,) in query.offset(limits.ALERT_ROWS).limit(limits.ALERT_ROWS).run()])


def _values(incident: Incident) -> dict[str, Any]:
	noted = {name: getattr(incident, name) for name in MOMENTS}
	return {
		**{field: getattr(incident, field) for field in _FIELDS},
		**{name: to_site(moment) for name, moment in noted.items()},
		"moments": json.dumps({name: moment.isoformat() for name, moment in noted.items() if moment}),
		"state": incident.state.value,
		"severity": incident.severity.value.title(),
		"seconds": int(incident.seconds),
	}


def _insert(rule_name: str, incident: Incident) -> str:
	alert = frappe.get_doc({"doctype": ALERT, "rule": rule_name, **_values(incident)})
	# Its rule may have been deleted meanwhile: the next evaluation closes the incident
	return alert.insert(ignore_permissions=True, ignore_links=True).name


def _update(name: str, before: Incident, after: Incident) -> None:
	old = _values(before)
	changed = {field: value for field, value in _values(after).items() if value != old[field]}
	if "state" in changed:
		changed |= {"modified": now_datetime(), "modified_by": frappe.session.user}
	if changed:  # each minute of an incident: in SQL, see `bridge.site.state`
		columns = ", ".join(f"`{column}` = %({column})s" for column in changed)
		frappe.db.sql(f"update `tab{ALERT}` set {columns} where `name` = %(name)s", {**changed, "name": name})
		frappe.clear_document_cache(ALERT, name)


def forget(names: list[str]) -> None:
	"""Delete alerts with their flips."""
	if not names:
		return
	frappe.db.delete(FLIP, {"parenttype": ALERT, "parent": ["in", names]})
	frappe.db.delete(ALERT, {"name": ["in", names]})


def add_flip(alert: str, at: datetime | None, what: str, who: str, notice: Notice = Notice.NONE) -> None:
	"""Add a row to an alert's flips; it waits to be sent if there is a notice."""
	number = frappe.db.count(FLIP, {"parenttype": ALERT, "parent": alert})
	frappe.get_doc(
		{
			"doctype": FLIP,
			"parent": alert,
			"parenttype": ALERT,
			"parentfield": "flips",
			"idx": number + 1,
			"at": at,
			"what": what,
			"who": who,
			"notice": notice.value,
			"waiting": int(notice is not Notice.NONE),
		}
	).db_insert()
