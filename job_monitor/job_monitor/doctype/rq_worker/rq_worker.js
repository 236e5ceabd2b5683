const LIVE = {
	goes_on: (doc) => doc.status !== "dead",
	fields: [
		...["current_job_id", "current_method", "running_for", "last_heartbeat", "memory"],
		...["successful_job_count", "failed_job_count", "total_working_time", "status_reason"],
	],
	update: tell,
};

frappe.ui.form.on("RQ Worker", {
	setup: (frm) => frappe.job_monitor.show.values_as_they_are(frm),

	refresh(frm) {
		const { live, show } = frappe.job_monitor;
		frm.disable_form();
		frm.page.set_indicator(...show.indicator(frm.doc));
		show.page_title(frm, `${frm.doc.hostname || "?"} · ${frm.doc.pid}`);
		tell(frm);
		add_stack(frm);
		live.form(frm, LIVE);
	},
});

function add_stack(frm) {
	if (!frappe.boot.job_monitor?.can_manage || frm.doc.status === "dead") return;
	const { get_worker_stack, show } = frappe.job_monitor;
	frm.add_custom_button(__("Stack Trace"), () =>
		show.stack_dialog(get_worker_stack(frm.doc.name))
	);
}

function tell(frm) {
	const { headline, indicator, link, method, seconds, text } = frappe.job_monitor.show;
	const { current_job_id, current_method, running_for, status_reason } = frm.doc;
	const parts = [status_reason && text(status_reason)];
	if (current_job_id) {
		const job = link("RQ Job", current_job_id, method(current_method), current_method);
		parts.push(__("Runs {0} for {1}", [job, seconds(running_for)]));
	}
	headline(frm, parts, indicator(frm.doc)[1]);
}
