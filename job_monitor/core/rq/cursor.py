"""How far a search came, as a short text that is passed on to go on.

Each kind of place is left at what stays true while jobs come and go:

- a registry scored by time at a score, with the number of its entries used at that very score,
- small registries in no useful order, sorted together by (moment, id), at the last one used,
- a queue, or a large registry in no useful order, at a number of entries from the end where reading begins.

So nothing is left out or repeated where only the newest end grows, or jobs leave a registry scored by time. Jobs that
are enqueued while a queue is read from its newest end, or taken from it while it is read from its oldest, shift it:
some are shown again, or left out, as with any page of a list that moves. Each step uses up at least one entry, so
going on always comes to an end.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.rq import keys
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.wording import say

_BYTES = 64 * 1024
"""Length of a cursor, unpacked: some thousand queues."""

Pooled = tuple[float, str, str]


@dataclass(frozen=True)
class Cursor:
	"""Where a merge stopped.

	Attributes:
		counts: Entries used of a queue or large registry.
		scores: Of a registry scored by time: the score where it goes on, and entries used at that score.
		pooled: Rank, digest and id of the last one used of the small registries; None if none was.
	"""

	counts: Mapping[Place, int] = field(default_factory=dict)
	scores: Mapping[Place, tuple[float, int]] = field(default_factory=dict)
	pooled: Pooled | None = None


def digest(job_id: str) -> str:
	"""Orders jobs of the same moment, in few letters."""
	return hashlib.blake2b(job_id.encode("utf-8", "replace"), digest_size=6).hexdigest()


def write(cursor: Cursor, query: JobQuery) -> str:
	"""A cursor as a short text for URLs, of this query only."""
	counts = [[*place, count] for place, count in cursor.counts.items()]
	scores = [[*place, *score] for place, score in cursor.scores.items()]
	# The digest tells two jobs of one moment apart, so that the id needs not travel
	pooled = list(cursor.pooled[:2]) if cursor.pooled else None
	packed = json.dumps([_of(query), _by_queue(counts), _by_queue(scores), pooled], separators=(",", ":"))
	return base64.urlsafe_b64encode(zlib.compress(packed.encode(), 9)).decode("ascii").rstrip("=")


def read(text: str, query: JobQuery) -> Cursor:
	"""The cursor that `write` made of this query.

	Raises:
		InvalidQuery: It is no cursor, or one of another query.
	"""
	try:
		packed = base64.urlsafe_b64decode((text + "=" * (-len(text) % 4)).encode("ascii"))
		stream = zlib.decompressobj()
		made_for, counts, scores, pooled = json.loads(stream.decompress(packed, _BYTES))
		if made_for != _of(query) or not stream.eof or stream.unused_data:
			raise ValueError
		return Cursor(_counts(counts), _scores(scores), _pooled(pooled))
	except (ValueError, TypeError, AttributeError, OverflowError, zlib.error, RecursionError):
		raise InvalidQuery(say("the cursor is not one of this search")) from None


def _by_queue(rows: list[list[Any]]) -> dict[str, list[Any]]:
	"""Each queue's name once: [status, figures...] by queue."""
	grouped: dict[str, list[Any]] = {}
	for status, queue, *figures in rows:
		grouped.setdefault(queue, []).append([keys.PLACES.index(status), *figures])
	return grouped


def _rows(grouped: dict[str, list[Any]], figures: int) -> list[tuple[Place, list[Any]]]:
	statuses = dict(enumerate(keys.PLACES))
	rows = [(statuses.get(row[0]), queue, row[1:]) for queue, rows in grouped.items() for row in rows]
	if any(status is None or len(row) != figures for status, _, row in rows):
		raise ValueError
	return [((status or "", queue), row) for status, queue, row in rows]


def _counts(grouped: dict[str, list[Any]]) -> dict[Place, int]:
	return {place: _number(count) for place, (count,) in _rows(grouped, 1)}


def _scores(grouped: dict[str, list[Any]]) -> dict[Place, tuple[float, int]]:
	return {place: (_moment(score), _number(ties)) for place, (score, ties) in _rows(grouped, 2)}


def _pooled(pooled: Any) -> Pooled | None:
	if pooled is None:
		return None
	rank, name = pooled
	# All ids of this digest were used: the letter sorts behind each of them
	return _moment(rank), str(name), "\U0010ffff"


def _number(value: Any) -> int:
	if type(value) is not int or not 0 <= value <= limits.OFFSET_ROWS:
		raise ValueError
	return value


def _moment(value: Any) -> float:
	if type(value) not in (int, float) or math.isnan(value):
		raise ValueError
	return float(value)


def _of(query: JobQuery) -> str:
	"""A digest of the filters of a search, in six letters. Moments are left out: `2h` is another one each time."""
	fields = (query.queues, query.statuses, query.site, query.job_id, query.method, query.user, query.text)
	text = repr((*fields, query.newest_first))
	return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=3).hexdigest()
