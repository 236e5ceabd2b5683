frappe.job_monitor.show.prepare("RQ Worker");

frappe.listview_settings["RQ Worker"] = {
	hide_name_column: true,
	add_fields: ["status_reason", "hostname", "pid", "current_job_id", "running_for"],

	onload(listview) {
		const { live, show } = frappe.job_monitor;
		live.attach(listview);
		const order = ["queue_type", "current_method"];
		order.push("successful_job_count", "failed_job_count", "memory");
		show.columns(listview, order, 5);
		listview.$page.addClass("jm-workers");
	},

	refresh(listview) {
		const { live, show } = frappe.job_monitor;
		live.list(listview);
		show.full_names(listview, (doc) => `${doc.hostname} · ${doc.pid} · ${doc.name}`);
		show.empty_list(
			listview,
			__(
				"No worker runs, so no job is worked on. Start one with {0}, or look at what should keep them running: supervisor, systemd or the container.",
				["<code>bench worker</code>"]
			)
		);
	},

	get_indicator: (doc) => frappe.job_monitor.show.indicator(doc),

	formatters: {
		// Set as text by Desk: marks of direction in the host end with it
		worker_name: (_value, _df, doc) => `\u2068${short_host(doc.hostname)}\u2069 · ${doc.pid}`,
		queue_type: (value) => {
			const { cell, text } = frappe.job_monitor.show;
			const queues = String(value).split(",");
			return cell(queues.map(text).join(", "), queues.join("\n"));
		},
		current_method: (value, _df, doc) => current_method(value, doc),
		failed_job_count: (value) =>
			value ? `<span class="text-danger">${format_number(value, null, 0)}</span>` : "",
		memory: (value) => (value ? `<span>${format_number(value, null, 0)} MB</span>` : ""),
	},
};

// Its first part tells hosts apart; an address does not
function short_host(hostname) {
	return /^\d+\./.test(hostname) ? hostname : String(hostname || "?").split(".")[0];
}

function current_method(value, doc) {
	const { cell, link, method, seconds, text } = frappe.job_monitor.show;
	const reason = doc.status_reason;
	if (reason) return cell(`<span class="text-danger">${text(reason)}</span>`, reason);
	if (!value) return "";
	const since = seconds(doc.running_for);
	return cell(
		`${link("RQ Job", doc.current_job_id, method(value), value)}
		<span class="text-muted">· ${since}</span>`,
		`${value} · ${since}`
	);
}
