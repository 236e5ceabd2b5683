const LIVE = {
	goes_on: (doc) => doc.status === "Running",
	fields: [],
	update: tell,
};

frappe.ui.form.on("Scheduled Job Log", {
	setup: (frm) => frappe.job_monitor.show.values_as_they_are(frm),

	refresh(frm) {
		const { live, show } = frappe.job_monitor;
		frm.disable_form();
		frm.page.set_indicator(...show.indicator(frm.doc));
		show.page_title(frm, show.method(frm.doc.method) || frm.doc.scheduled_job_type);
		frm.toggle_display("error", false); // it is the headline
		show.text_field(frm, "details");
		show.text_field(frm, "debug_log");
		tell(frm);
		if (frm.doc.rq_job_id) {
			frm.add_custom_button(__("RQ Job"), () =>
				frappe.set_route("Form", "RQ Job", frm.doc.rq_job_id)
			);
		}
		live.form(frm, LIVE);
	},
});

function tell(frm) {
	const { headline, seconds, text } = frappe.job_monitor.show;
	const { status, error, started_at } = frm.doc;
	if (status !== "Running") return headline(frm, [error && text(error)], "red");
	const since = moment(frappe.datetime.system_datetime()).diff(moment(started_at), "seconds");
	headline(frm, [started_at && __("Runs for {0}", [seconds(since)])], "blue");
}
