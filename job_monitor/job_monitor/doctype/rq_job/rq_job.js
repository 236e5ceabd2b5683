frappe.ui.form.on("RQ Job", {
	refresh(frm) {
		const { live, show } = frappe.job_monitor;
		frm.disable_form();
		frm.clear_custom_buttons();
		frm.dashboard.clear_headline();
		const [label, color] = show.indicator(frm.doc);
		frm.page.set_indicator(label, color);
		frm.page.set_title(frm.doc.method || frm.doc.name);
		show.text_field(frm, "arguments");
		show.text_field(frm, "exc_info", { emphasize_last_line: true });
		show.text_field(frm, "job_meta");
		show.job_links(frm, "dependencies");
		show.job_links(frm, "dependents");
		tell(frm);
		add_actions(frm);
		live.form(frm, (doc) => ["queued", "started", "deferred", "scheduled"].includes(doc.status));
	},
});

function tell(frm) {
	const { show } = frappe.job_monitor;
	const doc = frm.doc;
	if (doc.problem) {
		frm.dashboard.set_headline_alert(frappe.utils.escape_html(doc.problem), "orange");
	} else if (doc.status === "started") {
		const since = __("Runs for {0}", [show.seconds(doc.time_taken)]);
		const limit = doc.timeout > 0 ? __("times out after {0}", [show.seconds(doc.timeout)]) : "";
		const bar = doc.progress ? show.bar(doc.progress) : "";
		frm.dashboard.set_headline([since, limit].filter(Boolean).join(" · ") + bar, "blue");
	} else if (doc.status === "queued") {
		frm.dashboard.set_headline(__("Waits for {0}", [show.seconds(doc.wait)]), "yellow");
	} else if (doc.expires_in) {
		const text = __("Redis forgets this job in {0}.", [show.seconds(doc.expires_in)]);
		frm.dashboard.set_headline(text);
	}
}

function add_actions(frm) {
	if (!frappe.boot.job_monitor?.can_manage) return;
	const { stop, retry, remove } = frappe.job_monitor;
	const status = frm.doc.status;
	if (status === "started") {
		add(frm, __("Stop"), __("End this job at once? What it has not committed is lost."), stop);
	}
	if (["failed", "stopped", "canceled"].includes(status)) {
		add(frm, __("Retry"), __("Put this job back into its queue?"), retry);
	}
	if (["queued", "deferred", "scheduled"].includes(status)) {
		add(frm, __("Cancel"), __("Take this job out of its queue? It will not run."), remove);
	}
	if (["finished", "failed", "stopped", "canceled"].includes(status)) {
		add(frm, __("Delete"), __("Delete this job and its traceback from Redis?"), remove);
	}
}

function add(frm, label, question, act) {
	const method = frappe.utils.escape_html(frm.doc.method || frm.doc.name);
	frm.add_custom_button(label, () =>
		frappe.confirm(`<b>${method}</b><br>${question}`, () =>
			act(frm.doc.name).then((outcome) => {
				const indicator = outcome.done ? "green" : "orange";
				frappe.show_alert({ message: frappe.utils.escape_html(outcome.message), indicator });
				if (outcome.status) frm.reload_doc();
				else frappe.set_route("List", "RQ Job");
			})
		)
	);
}
