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

function tell(frm, { at, by, late, firing }) {
	const { escape, headline } = frappe.job_monitor.show;
	const number = firing.Critical + firing.Warning;
	const looked = at
		? __("Alert rules last looked at {0} by {1}", [frappe.datetime.prettyDate(at), escape(by)])
		: __("The alert rules have not been looked at yet");
	const fires = number ? __("{0} alerts fire", [number]) : __("nothing fires");
	headline(frm, [looked, fires], late ? "red" : number ? "orange" : "green");
}
