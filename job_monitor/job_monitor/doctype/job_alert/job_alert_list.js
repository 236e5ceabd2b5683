for (const doctype of ["Job Alert", "Job Alert Flip"])
	frappe.job_monitor.show.to_the_letter(doctype);
// States are kept as codes; what people did is kept in their words
frappe.meta.get_docfield("Job Alert Flip", "what").formatter = (value) =>
	frappe.job_monitor.show.text(__(value || ""));

frappe.listview_settings["Job Alert"] = {
	hide_name_column: true,
	add_fields: ["state", "severity", "acknowledged_by", "muted_until", "began_at", "resolved_at"],
	filters: [["state", "!=", "Pending"]],

	get_indicator: (doc) => frappe.job_monitor.alerts.indicator(doc),

	onload(listview) {
		frappe.job_monitor.show.columns(listview, ["rule", "began_at", "seconds"]);
		listview.$page[0].style.setProperty("--jm-letters-3", "Acknowledged".length + 2);
		if (!frappe.boot.job_monitor?.can_manage) return;
		const { acknowledge, alerts, evaluate_alerts, mute, show } = frappe.job_monitor;
		const each = async (act) => {
			const names = listview.get_checked_items(true);
			for (const name of names) await act(name);
			listview.clear_checked_items();
			listview.refresh();
		};
		listview.page.add_actions_menu_item(__("Acknowledge"), () => each(acknowledge), false);
		listview.page.add_actions_menu_item(
			__("Mute"),
			() => alerts.ask_until((until) => each((name) => mute(name, until))),
			false
		);
		listview.page.add_inner_button(__("Look Now"), async () => {
			const outcome = await evaluate_alerts();
			const message = outcome.skipped
				? __("Not looked at now: {0}", [show.text(outcome.skipped)])
				: __("{0} rules looked at, {1} notices sent", [outcome.rules, outcome.notices]);
			frappe.show_alert({ message, indicator: outcome.skipped ? "orange" : "green" });
			listview.refresh();
		});
		listview.page.add_inner_button(__("Rules"), () =>
			frappe.set_route("List", "Job Alert Rule")
		);
	},

	refresh(listview) {
		const { get_alert_status, show } = frappe.job_monitor;
		get_alert_status().then((status) => show_status(listview, status));
		show.full_names(listview, (doc) => doc.title);
		show.empty_list(listview, __("No alert. All is quiet."));
	},

	formatters: {
		began_at: (value, df) => frappe.job_monitor.show.when(value, df),
		seconds(value, df, doc) {
			const { alerts, show } = frappe.job_monitor;
			return show.duration(doc.state === "Resolved" ? value : alerts.lasts(doc), df);
		},
	},
};

/** The last evaluation of the rules, above the list. */
function show_status(listview, status) {
	const { text } = frappe.job_monitor.show;
	const problems = Object.keys(status.problems || {});
	const last = status.at
		? __("Rules last looked at {0} by {1}.", [
				frappe.datetime.prettyDate(status.at),
				text(status.by),
		  ])
		: __("The rules have not been looked at yet.");
	const late = status.late
		? __("Nobody looks at them: start the scheduler, or {0}.", [
				"<code>bench job-monitor watch</code>",
		  ])
		: "";
	const unknown = problems.length
		? __("Could not be asked: {0}.", [text(problems.join(", "))])
		: "";
	const html = `<div class="jm-alert-status ${late || unknown ? "text-danger" : "text-muted"}">
		${[last, late, unknown].filter(Boolean).join(" ")}</div>`;
	listview.$page.find(".jm-alert-status").remove();
	$(html).insertBefore(listview.$frappe_list);
}
