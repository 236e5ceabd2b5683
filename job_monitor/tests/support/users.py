"""Users, and their requests through the whole stack of Frappe."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import frappe


def make_user(email: str, *roles: str, user_type: str = "System User") -> str:
	if frappe.db.exists("User", email):
		frappe.delete_doc("User", email, force=True, ignore_permissions=True)
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": email,
			"first_name": email.split("@")[0],
			"user_type": user_type,
			"send_welcome_email": 0,
			"api_key": frappe.generate_hash(length=15),
			"api_secret": "s3cret-of-" + email,
		}
	).insert(ignore_permissions=True)
	if roles:
		user.add_roles(*roles)
	frappe.db.commit()
	return email


def request(path: str, user: str = "", method: str = "GET", /, **params: Any) -> tuple[int, Any]:
	"""A request through Frappe's whole stack, in a thread of its own. Returns (status code, JSON or text)."""
	headers = {"X-Frappe-Site-Name": frappe.local.site, "Accept": "application/json"}
	if user:
		headers["Authorization"] = f"token {frappe.db.get_value('User', user, 'api_key')}:s3cret-of-{user}"

	def send() -> tuple[int, Any]:
		from frappe.app import application
		from werkzeug.test import Client

		arguments = {"query_string": params} if method == "GET" else {"json": params}
		answer = Client(application).open(path, method=method, headers=headers, **arguments)
		try:
			return answer.status_code, answer.get_json(silent=True) or answer.get_data(as_text=True)
		finally:
			answer.close()  # as a server does: Frappe's work after the response runs, its connection is released

	with ThreadPoolExecutor(1) as pool:
		return pool.submit(send).result()
