frappe.ui.form.on("Scheduled Job Log", {
	refresh(frm) {
		const { live, show } = frappe.job_monitor;
		const [label, color] = show.indicator(frm.doc);
		frm.page.set_indicator(label, color);
		show.text_field(frm, "details", { emphasize_last_line: true });
		show.text_field(frm, "debug_log");
		if (frm.doc.rq_job_id) {
			frm.add_custom_button(__("RQ Job"), () =>
				frappe.set_route("Form", "RQ Job", frm.doc.rq_job_id)
			);
		}
		live.form(frm, (doc) => doc.status === "Running");
	},
});
