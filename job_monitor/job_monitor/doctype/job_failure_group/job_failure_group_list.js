frappe.job_monitor.show.to_the_letter("Job Failure Group");
for (const df of frappe.get_meta("Job Failure Group").fields) df.hide_timezone = 1;

frappe.listview_settings["Job Failure Group"] = {
	hide_name_column: true,
	add_fields: ["state", "last_at"],
	filters: [["state", "=", "Open"]],

	onload(listview) {
		const { show } = frappe.job_monitor;
		listview.can_create = false; // the recorder finds them
		listview.set_primary_action();
		show.columns(listview, ["occurrences", "last_days", "last_at", "method"]);
		listview.$page.addClass("jm-failure-groups");
		if (frappe.boot.job_monitor?.can_manage) add_actions(listview);
	},

	refresh(listview) {
		const { show } = frappe.job_monitor;
		show.full_names(listview, (doc) => doc.title);
		const [filter, ...more] = listview.filter_area.get();
		const only_open = filter?.[1] === "state" && filter[3] === "Open" && !more.length;
		const text = only_open
			? __("No failure is open. Those that are resolved come back by themselves.")
			: __("Nothing here.");
		listview.$no_result.html(`<div class="msg-box no-border"><p>${text}</p></div>`);
	},

	get_indicator: (doc) => frappe.job_monitor.history.state(doc),

	formatters: {
		last_days: (value, _df, doc) => frappe.job_monitor.history.sparkline(value, doc.last_at),
		last_at: (value, df) => frappe.job_monitor.show.when(value, df),
		method(value) {
			const { cell, method, text } = frappe.job_monitor.show;
			return cell(text(method(value)), value);
		},
	},
};

function add_actions(listview) {
	for (const [state, label] of Object.entries(frappe.job_monitor.history.decisions()))
		listview.page.add_actions_menu_item(label, async () => {
			const names = listview.get_checked_items(true);
			const { message } = await frappe.job_monitor.set_failure_state(names, state);
			frappe.show_alert({ message, indicator: "green" });
			listview.clear_checked_items();
			listview.last_args = null; // Desk drops a refresh that equals the one before it for three seconds
			listview.refresh();
		});
}
