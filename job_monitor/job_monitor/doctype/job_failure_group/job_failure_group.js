frappe.ui.form.on("Job Failure Group", {
	refresh(frm) {
		const { history, show } = frappe.job_monitor;
		frm.page.set_indicator(...history.state(frm.doc));
		show.page_title(frm, frm.doc.exception || frm.doc.name);
		for (const field of ["title", "state"]) frm.toggle_display(field, false); // shown above
		tell(frm);
		frm.fields_dict.last_days.$wrapper
			.find(".control-value")
			.html(history.sparkline(frm.doc.last_days, frm.doc.last_at));
		add_actions(frm);
		show_latest(frm);
	},
});

function tell(frm) {
	const { headline, text } = frappe.job_monitor.show;
	const { state, title, reopened } = frm.doc;
	const often =
		reopened === 1 ? __("came back once") : reopened && __("came back {0} times", [reopened]);
	headline(frm, [text(title), often], frappe.job_monitor.history.state({ state })[1]);
}

function add_actions(frm) {
	if (!frappe.boot.job_monitor?.can_manage) return;
	for (const [state, label] of Object.entries(frappe.job_monitor.history.decisions())) {
		if (state === frm.doc.state) continue;
		frm.add_custom_button(label, async () => {
			if (frm.is_dirty()) await frm.save();
			const { message } = await frappe.job_monitor.set_failure_state([frm.doc.name], state);
			frappe.show_alert({ message, indicator: "green" });
			frm.reload_doc();
		});
	}
}

async function show_latest(frm) {
	const { name } = frm.doc;
	const [latest] = await frappe.db.get_list("Job Failure", {
		filters: { failure_group: name },
		fields: ["name", "failed_at", "message", "traceback", "queue", "worker"],
		order_by: "failed_at desc",
		limit: 1,
	});
	if (frm.doc.name !== name) return;
	const { link, text, text_field } = frappe.job_monitor.show;
	const $wrapper = frm.fields_dict.latest.$wrapper.empty();
	if (!latest) {
		const gone = __("Its occurrences are older than what is kept; see Log Settings.");
		return $wrapper.html(`<p class="text-muted">${gone}</p>`);
	}
	const when = frappe.datetime.prettyDate(latest.failed_at);
	const where = [latest.queue, latest.worker].filter(Boolean).map(text).join(" · ");
	$wrapper.html(`<p>${link("Job Failure", latest.name, when, latest.failed_at)}
		<span class="text-muted">${where}</span></p>`);
	frm.fields_dict.latest.df.label = __("Traceback");
	const shown = latest.traceback || latest.message;
	text_field(frm, "latest", { text: shown, emphasize_last_line: Boolean(latest.traceback) });
}
