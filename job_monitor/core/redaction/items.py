"""Secrets among arguments whose name is an item beside them, and not their key."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import Any

from job_monitor.core import limits
from job_monitor.core.redaction.names import SECRET, SecretNames

_NAMES = ("name", "key", "Name", "Key", "field", "fieldname", "header", "label", "parameter", "param")
_VALUES = frozenset(("value", "default", "content", "val", "Value", "new_value", "old_value"))
_NO_KEYS: frozenset[str] = frozenset()
_OPERATORS = frozenset(("=", "==", "!=", "like", "not like", "in", "not in"))


_APART = {
	"sshpass": ("-p",),
	"redis-cli": ("-a",),
	"curl": ("-u", "--user"),
	"set-admin-password": ("set-admin-password",),
	"docker login": ("-p",),
}
"""Options of a command that stand before its secret."""

_NONE: dict[int, str] = {}


def named_pair(value: dict[Any, Any], names: SecretNames) -> frozenset[str]:
	"""Keys of the secrets in a mapping like `{"name": "password", "value": "x"}`."""
	if _VALUES.isdisjoint(value):
		return _NO_KEYS
	for name in _NAMES:
		if _is_secret(dict.get(value, name), names):
			return _VALUES
	return _NO_KEYS


def secret_items(value: Collection[Any], names: SecretNames) -> dict[int, str]:
	"""Secrets among items: by index, the text shown before the mask.

	Of a pair `["password", "x"]`, of a filter `["User", "password", "=", "x"]`, and of a command with its arguments
	`["mysql", "-px", "--password", "x"]`.
	"""
	items = list(islice(value, limits.VALUE_NODES))
	count = len(items)
	if count == 2:
		if _is_secret(items[0], names) and isinstance(items[1], (str, int, float)):
			return {1: ""}
		# Most pairs are no command, and there are many of them
		return _of_command(items, names) if isinstance(items[1], str) and items[1].startswith("-") else _NONE
	if 3 <= count <= 4 and isinstance(items[-2], str) and items[-2] in _OPERATORS:
		return {count - 1: ""} if _is_secret(items[-3], names) else _NONE
	if any(isinstance(item, str) and item.startswith(("-", "set-admin-password")) for item in items):
		return _of_command(items, names)
	return _NONE


def _is_secret(item: Any, names: SecretNames) -> bool:
	name = item.decode("utf-8", "replace") if isinstance(item, bytes) else item
	return isinstance(name, str) and not name.startswith("-") and names.strength(name) == SECRET


def _of_command(items: list[Any], names: SecretNames) -> dict[int, str]:
	found: dict[int, str] = {}
	command = " ".join(item[: limits.PATTERN_CHARS] for item in items[:12] if isinstance(item, str))
	joined = "-p" if "mysql" in command or "mariadb" in command else ""
	options = {option for name, options in _APART.items() if name in command for option in options}
	for at, item in enumerate(items):
		if not isinstance(item, str):
			continue
		if joined and item.startswith(joined) and len(item) > len(joined):
			found[at] = joined
		elif item in options or (item.startswith("--") and names.strength(item) == SECRET):
			following = items[at + 1] if at + 1 < len(items) else "-"
			if not (isinstance(following, str) and following.startswith("-")):
				found[at + 1] = ""
	return found
