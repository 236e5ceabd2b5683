frappe.listview_settings["RQ Worker"] = {
	hide_name_column: true,
	add_fields: ["status", "status_reason", "hostname", "pid", "running_for", "current_job_id"],

	refresh(listview) {
		frappe.job_monitor.live.list(listview);
		frappe.job_monitor.show.empty_list(
			listview,
			__("No worker runs. Start one with {0}, or look at your process manager.", [
				"<code>bench worker</code>",
			])
		);
	},

	get_indicator: (doc) => frappe.job_monitor.show.indicator(doc),

	formatters: {
		worker_name: (value, df, doc) => worker_name(doc),
		queue_type: (value, df) =>
			frappe.job_monitor.show.filterable(value.replaceAll(",", ", "), df),
		current_job_id: (value) => job_link(value),
		current_method: (value, df, doc) => current_method(value, doc),
		total_working_time: (value, df) => frappe.job_monitor.show.duration(value, df),
	},
};

function worker_name(doc) {
	return `${doc.hostname} · ${doc.pid}`;
}

function job_link(job_id) {
	if (!job_id) return "";
	const short = frappe.utils.escape_html(job_id.split(/\|\||::/).pop());
	return `<a class="ellipsis" href="${frappe.utils.get_form_link("RQ Job", job_id)}"
		title="${frappe.utils.escape_html(job_id)}">${short}</a>`;
}

function current_method(value, doc) {
	if (!value) return frappe.utils.escape_html(doc.status_reason || "");
	const { seconds } = frappe.job_monitor.show;
	return `<span class="ellipsis">${frappe.job_monitor.show.method(value)}
		<span class="text-muted">· ${seconds(doc.running_for)}</span></span>`;
}
