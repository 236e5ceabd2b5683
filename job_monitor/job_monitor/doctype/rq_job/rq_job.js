const LIVE = {
	goes_on: (doc) => ["queued", "started", "deferred", "scheduled"].includes(doc.status),
	fields: ["progress", "wait", "time_taken", "worker", "expires_in"],
	update: tell,
};

frappe.ui.form.on("RQ Job", {
	setup: (frm) => frappe.job_monitor.show.values_as_they_are(frm),

	refresh(frm) {
		const { live, show } = frappe.job_monitor;
		frm.disable_form();
		frm.remove_custom_button(__("Force Stop job")); // Frappe's own, also for jobs that only wait
		frm.page.set_indicator(...show.indicator(frm.doc));
		show.page_title(frm, show.method(frm.doc.method) || frm.doc.name);
		show.text_field(frm, "arguments");
		show.text_field(frm, "exc_info", { emphasize_last_line: true });
		show.text_field(frm, "job_meta");
		show.job_links(frm, "dependencies");
		show.job_links(frm, "dependents");
		tell(frm);
		add_actions(frm);
		live.form(frm, LIVE);
	},
});

function tell(frm) {
	const { bar, headline, seconds, text } = frappe.job_monitor.show;
	const { status, problem, exc_info, expires_in, progress, timeout } = frm.doc;
	const forgets = expires_in > 0 && __("Redis forgets it in {0}", [seconds(expires_in)]);
	if (problem) return headline(frm, [text(problem), forgets], "orange");
	if (frm.doc.__onload?.job_monitor_zombie) {
		const why = __("Zombie: it says {0}, but stands in no queue and no worker has it", [
			status,
		]);
		return headline(frm, [why, __("Nothing will ever run or end it; remove it")], "red");
	}
	if (status === "started") {
		const since = __("Runs for {0}", [seconds(frm.doc.time_taken)]);
		const limit = timeout > 0 && __("times out after {0}", [seconds(timeout)]);
		return headline(frm, [progress > 0 && bar(progress), since, limit], "blue");
	}
	if (status === "queued") {
		const since = __("Waits for {0}", [seconds(frm.doc.wait)]);
		return headline(frm, [since], "yellow");
	}
	if (status === "deferred") return headline(frm, [__("Waits for other jobs")], "yellow");
	const error = exc_info && text(exc_info.trimEnd().split("\n").pop());
	headline(frm, [error, forgets], { failed: "red", stopped: "orange" }[status]);
}

function add_actions(frm) {
	if (!frappe.boot.job_monitor?.can_manage) return;
	const { get_stack, remove, show } = frappe.job_monitor;
	const { status } = frm.doc;
	if (frm.doc.__onload?.job_monitor_zombie) {
		const question = __("Nothing will ever run or end this job. Delete it?");
		return add(frm, { label: __("Remove"), question }, remove).addClass("btn-primary");
	}
	if (status === "started") {
		frm.add_custom_button(__("Stack Trace"), () => show.stack_dialog(get_stack(frm.doc.name)));
	}
	for (const act of frappe.boot.job_monitor.acts)
		if (act.statuses.includes(status)) add(frm, act, frappe.job_monitor[act.name]);
}

function add(frm, { label, question }, act) {
	const { text } = frappe.job_monitor.show;
	const { name, method } = frm.doc;
	const asked = `<p class="jm-name"><b>${text(method || name)}</b><br>
		<span class="text-muted">${text(name)}</span></p>${question}`;
	return frm.add_custom_button(label, () =>
		frappe.confirm(asked, async () => {
			const outcome = await act(name);
			const indicator = outcome.done ? "green" : "orange";
			frappe.show_alert({ message: text(outcome.message), indicator });
			if (outcome.status) frm.reload_doc();
			else frappe.set_route("List", "RQ Job");
		})
	);
}
