"""`job-monitor remove`: deletes jobs, such as zombies."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Sequence
from dataclasses import asdict

import click

from job_monitor.cli import display, terminal_text
from job_monitor.cli.source import Name, Seconds, Source, json_option
from job_monitor.core import clock
from job_monitor.core.acts import actions
from job_monitor.core.acts.messages import Outcome, outcome
from job_monitor.core.errors import CouldNotAsk, JobMonitorError, JobNotFound
from job_monitor.core.rq import zombies
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.records import Job

EXIT_REFUSED = 1


@click.command()
@click.argument("job_ids", metavar="[ID]...", nargs=-1, type=Name())
@click.option("--zombies", "all_zombies", is_flag=True, help="Every zombie that is found within --seconds.")
@click.option(
	"--seconds", type=Seconds(), default=5.0, show_default=True, help="Time for the hunt for zombies."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def remove(
	ctx: click.Context, job_ids: tuple[str, ...], all_zombies: bool, seconds: float, yes: bool, as_json: bool
) -> None:
	"""Delete jobs: waiting ones, ended ones, and zombies. Exits with 1 if one of them was not.

	A zombie says queued or started, stands in no queue or registry, and blocks its id for ever. Its state is
	looked at again in the moment of deleting. In a bench, what was removed is noted in logs/job_monitor.log.

	\b
	job-monitor remove "erp.example.com||scheduled_job||frappe.email.queue.flush"
	job-monitor remove --zombies --yes
	"""
	if bool(job_ids) == all_zombies:
		raise click.UsageError("name jobs by their ids, or give --zombies")
	source: Source = ctx.obj
	client = source.open()
	found = _hunt(client, seconds) if all_zombies else [read_job(client, i) for i in job_ids]
	if found and not yes:
		click.echo("\n".join(map(_words, found)), err=True)
		click.confirm(f"Delete {len(found)} {'job' if len(found) == 1 else 'jobs'}?", abort=True, err=True)
	outcomes = [(job, _remove(client, job)) for job in found]
	_note(source, outcomes)
	if as_json:
		click.echo(
			display.json_text([{"id": job.id, **asdict(outcome)} for job, outcome in outcomes], indent=1)
		)
	else:
		click.echo(
			"\n".join(terminal_text.line(f"{job.id}: {o.message}") for job, o in outcomes)
			or "No zombie found."
		)
	ctx.exit(0 if all(outcome.done for _, outcome in outcomes) else EXIT_REFUSED)


def _hunt(client: RqClient, seconds: float) -> list[Job]:
	"""Zombies. What was not looked at is said.

	Raises:
		CouldNotAsk: Redis gave no answer: that is not the same as no zombie.
	"""
	hunt = zombies.find(client, seconds)
	if hunt.problem and not hunt.jobs:
		raise CouldNotAsk(hunt.problem)
	if hunt.problem:
		click.echo(f"job-monitor: could not look everywhere: {terminal_text.line(hunt.problem)}", err=True)
	elif not hunt.complete:
		text = f"the time allowed for {hunt.looked_at:,} jobs, there are more: give more --seconds"
		click.echo(f"job-monitor: {text}", err=True)
	return list(hunt.jobs)


def _words(job: Job) -> str:
	since = display.ago(job.enqueued_at or job.created_at, clock.now()) or "an unknown time"
	return terminal_text.line(f"{job.id}  {job.method or '(unknown)'}, {job.status} for {since}")


def _remove(client: RqClient, job: Job) -> Outcome:
	try:
		return actions.remove(client, job.id)
	except JobNotFound:
		return outcome("gone", False)


def _note(source: Source, outcomes: Sequence[tuple[Job, Outcome]]) -> None:
	"""Write into the bench's `logs/job_monitor.log` who removed which jobs."""
	if source.redis_url:
		return
	try:
		folder = source.bench().path / "logs"
	except JobMonitorError:
		return
	who = f"{getpass.getuser()}@{socket.gethostname()}"
	lines = [
		f"{clock.now().astimezone():%Y-%m-%d %H:%M:%S} INFO job-monitor remove by {who}: {job.id} ({job.method}): {outcome.message}"
		for job, outcome in outcomes
	]
	try:
		with (folder / "job_monitor.log").open("a", encoding="utf-8", errors="replace") as log:
			log.writelines(terminal_text.line(line) + "\n" for line in lines)
	except OSError as error:
		click.echo(f"job-monitor: not noted: {error}", err=True)
