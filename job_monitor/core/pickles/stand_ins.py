"""What stands for the classes and functions that a pickle names: nothing of theirs is imported or run.

Dates are themselves. Everything else is a stand-in that only remembers its name and what was put in.
"""

from __future__ import annotations

import datetime
import uuid
from functools import lru_cache
from typing import Any

from job_monitor.core import limits
from job_monitor.core.pickles.pickle_walk import Undecodable
from job_monitor.core.wording import say


class Opaque(dict[Any, Any]):
	"""Stands for an object of a class that is not loaded. Takes whatever the pickle gives it, does nothing."""

	path = ""
	args: tuple[Any, ...]
	state: Any
	elements: list[Any]
	__hash__ = object.__hash__  # type: ignore[assignment]

	def __new__(cls, *args: Any, **kwargs: Any) -> Opaque:
		self = super().__new__(cls)
		self.args, self.state, self.elements = args, None, []
		return self

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		pass

	def __setstate__(self, state: Any) -> None:
		self.state = state

	def append(self, value: Any) -> None:
		self.elements.append(value)

	def extend(self, values: Any) -> None:
		self.elements.extend(values)

	add = append

	def plain(self) -> Any:
		"""What it stands for, where that can be said without its class; else itself."""
		return self


class _Decimal(Opaque):
	"""A number by its text: a real Decimal of a long integer takes quadratic time to make."""

	def plain(self) -> Any:
		return self.args[0] if len(self.args) == 1 and isinstance(self.args[0], str) else self


class _Uuid(Opaque):
	def plain(self) -> Any:
		number = self.state.get("int") if isinstance(self.state, dict) else None
		return str(uuid.UUID(int=number)) if isinstance(number, int) and 0 <= number < 1 << 128 else self


class Key(Opaque):
	"""A key that is no text or small number, hashed by its identity."""

	def plain(self) -> Any:
		return self.args[0]


class PlainDict(dict[Any, Any]):
	"""A dict of whatever kind. A class, because pickle makes some kinds by NEWOBJ, which takes no function."""

	def __new__(cls, *args: Any, **kwargs: Any) -> PlainDict:
		return super().__new__(cls)

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		pass

	def __setstate__(self, state: Any) -> None:
		pass


class _Bytes:
	"""Makes bytes as protocols below 3 write them: of a latin-1 text, or none. An int would allocate so many.

	Args:
		room: How many it may make. Each is a copy, and a few bytes of a pickle put one text in again and again.
	"""

	__slots__ = ("room",)

	def __init__(self, room: int) -> None:
		self.room = room

	def __call__(self, text: Any = "", *args: Any) -> bytes:
		if not isinstance(text, str):
			return b""
		self.room -= len(text)
		if self.room < 0:
			raise Undecodable(TOO_MUCH)
		return text.encode("latin-1")

	def __setstate__(self, state: Any) -> None:
		pass

	def __repr__(self) -> str:
		return "<bytes>"


def _named(path: str, base: type[Opaque]) -> type[Opaque]:
	return type(base.__name__, (base,), {"path": path})


_MOMENTS = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone)
_KNOWN: dict[str, Any] = {
	**{f"datetime.{kind.__name__}": kind for kind in _MOMENTS},
	"decimal.Decimal": _named("decimal.Decimal", _Decimal),
	"uuid.UUID": _named("uuid.UUID", _Uuid),
	"collections.OrderedDict": PlainDict,
	"collections.defaultdict": PlainDict,
	"frappe._dict": PlainDict,
	"frappe.types.frappedict._dict": PlainDict,
}
"""Classes with no attribute that BUILD could set: Python's own are immutable, ours take no state for the class."""

COPIES = 4
"""How many times what a pickle holds its calls may copy."""

_BYTES = frozenset(("_codecs.encode", "builtins.bytes"))
TOO_MUCH = say("its calls would take too much memory: more than four times what it holds")
_PYTHON_2_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # protocols below 3 write these


@lru_cache(maxsize=512)
def _opaque(path: str) -> type[Opaque]:
	return _named(path, Opaque)


class Names:
	"""Finds what a pickle names: bounded, as making a class takes a thousand times what reading its name does."""

	def __init__(self, room: int) -> None:
		self.left = limits.PICKLE_NAMES
		self.bytes = _Bytes(room)

	def find(self, module: str, name: str) -> Any:
		if len(module) + len(name) > limits.ID_CHARS:
			raise Undecodable(say("it names a class by too long a text"))
		path = f"{_PYTHON_2_MODULES.get(module, module)}.{name}"
		if found := self.bytes if path in _BYTES else _KNOWN.get(path):
			return found
		self.left -= 1
		if self.left < 0:
			raise Undecodable(say("it names more than {0} classes", limits.PICKLE_NAMES))
		return _opaque(path)
