"""Every bound of this package, each with its unit and its reason."""

from __future__ import annotations

PAGE_ROWS = 500
"""Jobs a page may hold: Desk's longest list page."""

OFFSET_ROWS = 1_000_000_000
"""Jobs a page may skip: more than any real registry holds, so that nonsense is refused."""

MERGED_OFFSET_ROWS = 10_000
"""Jobs a page over several queues or statuses may skip: merging reads the jobs that it skips."""

LIST_PAYLOAD_BYTES = 64 * 1024
"""Compressed payload a list decodes whole; of a larger one it shows the beginning."""

HEAD_BYTES = 16 * 1024
"""Decompressed bytes from the beginning of a larger payload, in which method, user and first arguments stand."""

LARGE_PAYLOADS_BYTES = 4 * 1024 * 1024
"""Larger payloads, together, whose beginnings a list reads; and one that a search looks through: about 10 ms."""

PAYLOAD_BYTES = 16 * 1024 * 1024
"""Decompressed payload one job's view decodes: well over the 5 MB seen in the field, far below a web worker's memory."""

TEXT_CHARS = 100_000
"""Characters of arguments or traceback in a job's own view."""

SECRET_CHARS = 2_048
"""Characters beside a text's cut that are looked at, so that a secret is known that it would cut in two."""

LIST_TEXT_CHARS = 1_000
"""Characters of arguments or traceback in a list row."""

VALUE_DEPTH = 12
"""Nesting levels of arguments that are shown."""

VALUE_NODES = 20_000
"""Values of one job's arguments that are shown: a small pickle can unfold into billions."""

PICKLE_ODD_KEYS = 64
"""Tuples, frozensets and large integers of a payload that C reads: if all are keys with one hash, each is compared with
all others."""

PICKLE_NAMES = 500
"""Classes that one payload names: each costs 20 µs."""

NUMBER_CHARS = 500
"""Digits of a number written as text: Python takes quadratic time to read them."""

CHUNK_ROWS = 1_000
"""Ids or jobs read in one round trip of a scan: about 10 ms of work for Redis, about 2 MB of memory here."""

SEARCH_SECONDS = 0.25
"""Time of a search by default: a page that answers at once, with "continue" under it."""

SEARCH_MAX_SECONDS = 30.0
"""Longest time a search may be given: below the timeout of any web worker."""

COUNT_SECONDS = 5.0
"""Time a count of every waiting job may take: about two million of them."""

ZOMBIE_SECONDS = 0.5
"""Time of the hunt for zombies by default."""

ZOMBIE_GRACE_SECONDS = 60
"""A job younger than this may be on its way between two keys."""

ZOMBIE_ROWS = 100
"""Zombies named in one answer."""

SCHEDULE_DUE = 20
"""Times at which a schedule should have run that are worked out; further ones are counted by their distance."""

SCHEDULE_RUNS = 8
"""Runs of a schedule from which its usual duration and its failures in a row are taken."""

SCHEDULE_USUAL_LEAST = 3
"""Runs from which on a duration is called usual."""

SCHEDULE_LOG_LAG_SECONDS = 5
"""Time between a schedule's last execution and the row of that run, either way."""

SCHEDULE_LOG_DAYS = 7
"""Days that Frappe keeps rows of Scheduled Job Log: a missing row of an older run proves nothing."""

SCHEDULE_AHEAD_SECONDS = 120
"""A last execution this far in the future is a clock that was set, not one that is a little off."""

SCHEDULE_SCAN = 2_000_000
"""Entries of queues that are compared to find where the jobs of schedules stand: about 30 ms of work for Redis."""

SCHEDULES_QUERIED = 200
"""Schedules whose newest runs one query reads: SQLite takes no more than 500 parts."""

SCHEDULES_NAMED = 5
"""Schedules in one state that have a finding each; further ones share one."""

STACK_SECONDS = 5.0
"""Time a process has to show its stack."""

DEPENDENTS = 100
"""Dependent jobs named in one job's view."""

ID_CHARS = 500
"""Length of a job id that is looked up."""

PATTERN_CHARS = 200
"""Length of a filter text."""

LIKE_CHARS = 500
"""Length of a pattern with wildcards: a whole job id, or a message that somebody pasted."""

LOG_LINE_BYTES = 64 * 1024
"""Bytes of one line of a log; a longer one is no record of Frappe's."""

LOG_PIECE_BYTES = 1024 * 1024
"""Bytes of the monitor's log that are summed up between two looks at the clock: about 15 ms."""

LOG_DUPLICATES = 50_000
"""Records of the monitor's log that are remembered to know them again: a flush holds fewer, mostly. About 8 MB."""

LOG_SITES = 5_000
"""Sites, and queues, counted apart in the monitor's log."""

LOG_RUN_SECONDS = 31 * 24 * 3600
"""A run of a job, or its wait, that took longer is a clock that was set."""

LOG_METHODS = 2_000
"""Methods counted apart; further ones are counted together."""

LOG_HOURS = 24 * 400
"""Hours counted apart."""

LOG_SLOWEST = 20
"""Slowest runs that are named."""

CONNECT_SECONDS = 3.0
"""Time to reach Redis: a probe must answer before its own timeout."""

READ_SECONDS = 10.0
"""Time for one answer of Redis."""

BUSY_BEAT_SECONDS = 30
"""A working RQ worker beats this often (rq `job_monitoring_interval`)."""

BUSY_TTL_SECONDS = 90
"""Life of a working worker's key after a beat (rq: interval + 60)."""

IDLE_BEAT_SECONDS = 405
"""An idle RQ worker beats this often (rq: worker_ttl 420 - 15)."""

IDLE_TTL_SECONDS = 480
"""Life of an idle worker's key after a beat (rq: worker_ttl + 60)."""

BEAT_GRACE_SECONDS = 15
"""A beat this late is not yet late: RQ's own slack."""

TIMEOUT_GRACE_SECONDS = 60
"""A job may pass its timeout this long before it is called stuck: RQ stops it by itself within seconds."""

STALLED_SECONDS = 300
"""A queue whose oldest job waits this long while nothing of it starts or ends is stalled."""

STANDSTILL_SECONDS = 60
"""As above, where workers are idle all the same, or before it is called critical: an idle one takes a job at once."""

LATELY_SECONDS = 600
"""Ends of jobs in this time are counted as recent: Frappe keeps finished jobs as long."""

BACKLOG_SECONDS = 900
"""Age of the oldest waiting job from which a served, moving queue is reported as behind."""

LOG_PAGE_BYTES = 4 * 1024 * 1024
"""Bytes of a log that one request reads, more or less: a fifth of a second, and as much memory a few times over."""

LOG_BLOCK_BYTES = 256 * 1024
"""Bytes of a log read at once from its end. A longer entry may be shown in pieces."""

LOG_PAGE_RECORDS = 1_000
"""Entries of a log in one answer."""

LOG_RECORD_CHARS = 20_000
"""Characters of an entry that are shown: over a thousand lines of traceback."""

LOG_SETTLE_SECONDS = 0.5
"""A log that was not written to for this time ends with a whole entry."""

HOOK_SECONDS, HOOK_REDIS_SECONDS = 0.5, 0.4
"""Time a hook may take of somebody else's job; and within it Redis, so that the error names it and time for tasks is left."""

HOOK_REST_SECONDS = 30.0
"""A Redis that gave a hook no answer is left alone for this time."""

HOOK_IDLE_SECONDS = 60.0
"""A connection that was silent for this time may have been dropped without a notice: it is made anew."""

RUNS_WAITING = 200_000
"""Ended runs of all sites of a bench kept on Redis until the scheduler writes them down: about 45 MB, a day of two a
second. Further ones push out the oldest of the site that has most, and are counted."""

FAILURES_WAITING = 5_000
"""Failures whose traceback is kept on Redis meanwhile: about 25 MB. Further ones are counted all the same."""

FAILURE_BATCH = 1_000
"""Failures written down in one transaction: about 25 MB of memory, half a second."""

RUNS_RUNNING = 10_000
"""Runs looked at in one sweep."""

RUN_BATCH = 20_000
"""Ended runs written down in one transaction: about 40 MB of memory, half a second."""

RUN_SECONDS = 7 * 24 * 3600
"""Life of a site's recorder keys on Redis after the last write."""

TRACEBACK_CHARS = 20_000
"""Characters of a failure's traceback that are kept, from its end: a thousand lines."""

MESSAGE_CHARS = 500
"""Characters of a failure's message that are kept."""

ARGUMENT_CHARS = 5_000
"""Characters of a failure's arguments that are kept."""

RUNS_NOTED_SECONDS = 3600
"""A noted end is kept for this time, so that the job's failure in RQ's registry is known as noted."""

METRIC_METHODS = 1_000
"""Methods counted apart in one bucket of one queue; further ones are counted together."""

RUN_GRACE_SECONDS = 60
"""A run younger than this is left alone: its job may be on its way between two keys."""

NOTIFY_CONNECT_SECONDS = 3.0
"""Time to reach one address of a webhook."""

NOTIFY_READ_SECONDS = 5.0
"""Time a webhook may be silent."""

NOTIFY_SECONDS = 15.0
"""Time for one webhook with all its tries."""

NOTIFY_PAUSES = (0.5, 2.0)
"""Seconds before the second and the third try."""

NOTIFY_RETRY_AFTER_SECONDS = 8.0
"""A webhook that asks for a longer pause is given up."""

NOTIFY_ANSWER_CHARS = 200
"""Characters of a webhook's answer that are shown."""

NOTIFY_FAILURES = 3
"""A channel with this many failures in a row gets one try only: it must not keep the others waiting."""

NOTIFY_TEXT_CHARS = 2_000
"""Characters of an alert's text in a message."""

NOTIFY_TITLE_CHARS = 200
"""Characters of an alert's title, and of other single lines."""

NOTIFY_PEOPLE = 200
"""People that one message goes to."""

MAIL_SECONDS = 10.0
"""Time for one e-mail, whatever the mail server does."""

UNUSUAL_SECONDS = 60
"""A job that runs shorter than this is not called stuck, however short its method usually is."""

ALERT_SUBJECTS = 100
"""Subjects of one rule that are followed; further ones are only counted."""

ALERT_TRIES = 3
"""Tries of a notice that a channel did not accept, one for each evaluation."""

ALERT_CLAIM_SECONDS = 600
"""A notice that a process claimed this long ago without an outcome is free again: the process died."""

ALERT_LEASE_SECONDS = 300
"""Longest evaluation: after this another may begin."""

ALERT_ROWS = 10_000
"""Alerts that are over are kept up to this number, besides their age in Log Settings."""

ALERT_MESSAGES_AN_HOUR = 6
"""Messages of one rule in an hour; beyond them, notices are gathered."""

ALERT_GATHER_SECONDS = 600
"""A rule with that many messages sends one message in this time, with all notices since the last."""

NEW_FAILURES_AN_HOUR = 10
"""New failures with an incident each; more in the same hour share one incident."""

ZOMBIE_RULE_SECONDS = 5.0
"""Time the hunt for zombies takes when a rule asks: 300,000 jobs, more or less."""

ZOMBIE_RULE_MINUTES = 15
"""A rule has zombies hunted this often."""
