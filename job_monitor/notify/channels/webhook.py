"""A POST to a webhook, see `http_post`."""

from __future__ import annotations

import json
from typing import Any

import frappe

from job_monitor.core import limits
from job_monitor.notify.http_post import TRIES, Request, post
from job_monitor.notify.message import DeliveryError, Message
from job_monitor.notify.render import PAYLOADS


def deliver(channel: Any, message: Message) -> str:
	"""Post a message. Returns the answer of the host, in words.

	Raises:
		DeliveryError
	"""
	payload = PAYLOADS[channel.template or "JSON"](message, frappe._)
	request = Request(
		# Never in a variable of its own: tracebacks in Error Log may show variables
		url=channel.get_password("url", raise_exception=False) or "",
		body=json.dumps(payload).encode(),
		# A notice whose answer was lost is sent twice, with the same id
		headers={"X-Job-Monitor-Delivery": message.delivery},
		secret=channel.get_password("secret", raise_exception=False) or "",
		private=may_be_private(channel),
		tries=1 if channel.failures_in_a_row >= limits.NOTIFY_FAILURES else TRIES,
	)
	if not request.url:
		raise DeliveryError(frappe._("The channel has no URL, or it cannot be decrypted."), permanent=True)
	return post(request)


def may_be_private(channel: Any) -> bool:
	"""Whether requests may go into this network: by the channel, or for all channels by the site's configuration."""
	return bool(channel.allow_private_addresses or frappe.conf.get("job_monitor_private_webhooks"))
