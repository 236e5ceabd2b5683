frappe.ui.form.on("RQ Worker", {
	refresh(frm) {
		const { live, show } = frappe.job_monitor;
		const doc = frm.doc;
		frm.disable_form();
		const [label, color] = show.indicator(doc);
		frm.page.set_indicator(label, color);
		frm.page.set_title(`${doc.hostname} · ${doc.pid}`);
		frm.dashboard.clear_headline();
		if (doc.status_reason) {
			frm.dashboard.set_headline_alert(frappe.utils.escape_html(doc.status_reason), color);
		} else if (doc.current_method) {
			const method = frappe.utils.escape_html(doc.current_method);
			const text = __("Runs {0} for {1}", [`<b>${method}</b>`, show.seconds(doc.running_for)]);
			frm.dashboard.set_headline(text, "blue");
		}
		live.form(frm, (worker) => worker.status !== "dead");
	},
});
