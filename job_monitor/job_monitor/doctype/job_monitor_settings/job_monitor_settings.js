frappe.ui.form.on("Job Monitor Settings", {
	refresh(frm) {
		frm.get_field("heartbeat_url").disable_password_checks?.();
		for (const doctype of ["Job Alert", "Job Alert Rule", "Job Alert Channel"]) {
			frm.add_custom_button(
				__(doctype),
				() => frappe.set_route("List", doctype),
				__("Alerts")
			);
		}
		frappe.job_monitor.get_alert_status().then((status) => tell(frm, status));
	},
});

function tell(frm, { at, by, late, firing, unconfirmed }) {
	const { headline, text } = frappe.job_monitor.show;
	if (unconfirmed) return ask_to_confirm(frm, unconfirmed);
	const number = firing.Critical + firing.Warning;
	const looked = at
		? __("Alert rules last looked at {0} by {1}", [frappe.datetime.prettyDate(at), text(by)])
		: __("The alert rules have not been looked at yet");
	const firing_now = number === 1 ? __("1 alert fires") : __("{0} alerts fire", [number]);
	const fires = number ? firing_now : __("nothing fires");
	headline(frm, [looked, fires], late ? "red" : number ? "orange" : "green");
}

/** A copy of a site tells nobody, until somebody says that it is none. */
function ask_to_confirm(frm, { here, live }) {
	const { headline, text } = frappe.job_monitor.show;
	const parts = [
		__("Nobody is told of any alert: the rules are looked at elsewhere than before"),
		__("Here: {0}", [text(here)]),
		__("The live site as it is known: {0}", [text(live)]),
	];
	headline(frm, parts, "red");
	if (!frm.perm[0].write) return;
	frm.add_custom_button(__("This is the live site"), () =>
		frappe.confirm(
			__(
				"Alerts of this site are then sent to its people. Is it the live site, and not a copy of it?"
			),
			() => frappe.job_monitor.confirm_live_site().then(() => frm.reload_doc())
		)
	);
}
