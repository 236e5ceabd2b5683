frappe.ui.form.on("Job Failure", {
	refresh(frm) {
		const { history, show } = frappe.job_monitor;
		frm.disable_form();
		frm.page.set_indicator(...history.outcome(frm.doc));
		show.page_title(frm, show.method(frm.doc.method) || frm.doc.name);
		for (const field of ["message", "exception", "outcome"]) frm.toggle_display(field, false); // shown above
		show.text_field(frm, "traceback");
		show.text_field(frm, "arguments", { text: history.pretty(frm.doc.arguments || "") });
		tell(frm);
		add_links(frm);
	},
});

function tell(frm) {
	const { escape, headline, text } = frappe.job_monitor.show;
	const { exception, message, failed_at } = frm.doc;
	const told = [`<b>${text(exception)}</b>`, message && text(message)]
		.filter(Boolean)
		.join(": ");
	const when = `<span title="${escape(frappe.datetime.str_to_user(failed_at))}">${escape(
		frappe.datetime.prettyDate(failed_at)
	)}</span>`;
	headline(frm, [told, when], frappe.job_monitor.history.outcome(frm.doc)[1]);
}

async function add_links(frm) {
	const { name, failure_group, rq_job_id } = frm.doc;
	const open = (doctype, id) => frappe.set_route("Form", doctype, id);
	if (failure_group)
		frm.add_custom_button(__("Group"), () => open("Job Failure Group", failure_group));
	if (!rq_job_id) return;
	// Redis forgets a failed job; a dead link says nothing
	const asked = frappe.job_monitor.peek("RQ Job", rq_job_id, ["name"]);
	const job = await Promise.resolve(asked).catch(() => undefined);
	if (job && frm.doc.name === name)
		frm.add_custom_button(__("RQ Job"), () => open("RQ Job", rq_job_id));
}
