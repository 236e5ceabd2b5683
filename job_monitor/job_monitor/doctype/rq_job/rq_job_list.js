frappe.job_monitor.show.prepare("RQ Job");
offer_queues();

frappe.listview_settings["RQ Job"] = {
	hide_name_column: true,
	add_fields: ["status", "progress"],

	onload(listview) {
		const { coverage, live, show } = frappe.job_monitor;
		live.attach(listview);
		coverage.attach(listview);
		show.columns(listview, ["queue", "created_at", "wait", "time_taken"]);
		add_created_filter(listview);
	},

	refresh(listview) {
		const { live, show } = frappe.job_monitor;
		live.list(listview);
		keep_scheduler(listview);
		show.full_names(listview, (doc) => doc.method);
		show.empty_list(
			listview,
			__("No jobs here. What is enqueued shows up; finished jobs stay for ten minutes.")
		);
	},

	get_indicator: (doc) => frappe.job_monitor.show.indicator(doc),

	formatters: {
		method: (value) => frappe.job_monitor.show.method(value),
		queue: (value, df) => frappe.job_monitor.show.filterable(value, df),
		created_at: (value, df) => frappe.job_monitor.show.when(value, df),
		wait: (value, df) => frappe.job_monitor.show.duration(value, df),
		time_taken: (value, df, doc) =>
			doc.status === "started" && doc.progress
				? frappe.job_monitor.show.bar(doc.progress)
				: frappe.job_monitor.show.duration(value, df),
	},
};

// Frappe knows its three queues only; a bench may have more
function offer_queues() {
	const queues = frappe.boot.job_monitor?.queues;
	if (queues) frappe.meta.get_docfield("RQ Job", "queue").options = queues.join("\n");
}

function add_created_filter(listview) {
	if (listview.page.fields_dict.created_at) return;
	listview.page.add_field(
		{
			fieldtype: "DateRange",
			fieldname: "created_at",
			label: __("Created"),
			condition: "Between",
			onchange: () => listview.filter_area.debounced_refresh_list_view(),
		},
		listview.filter_area.standard_filters_wrapper
	);
}

const SCHEDULER_SECONDS = 60;
const SCHEDULER_COLORS = {
	running: "green",
	absent: "red",
	disabled: "red",
	paused: "orange",
	dormant: "orange",
};

/** Frappe's own badge knows its switch only: it is "Active" where no scheduler has run for days. */
function keep_scheduler(listview) {
	const age = Date.now() - (listview.jm_scheduler_at || 0);
	if (age < SCHEDULER_SECONDS * 1000 || !frappe.model.can_read("Scheduled Job Type")) return;
	listview.jm_scheduler_at = Date.now();
	return frappe.job_monitor
		.get_scheduler()
		.then((scheduler) => show_scheduler(listview, scheduler))
		.catch(() => listview.page.clear_indicator());
}

function show_scheduler(listview, { state, label, detail }) {
	const enable = __("Enable Scheduler");
	listview.page.set_indicator(label, SCHEDULER_COLORS[state]);
	listview.page.indicator.attr("title", detail);
	listview.page.remove_inner_button(enable);
	if (!["disabled", "paused"].includes(state) || frappe.session.user !== "Administrator") return;
	listview.page.add_inner_button(enable, () =>
		frappe.confirm(__("Let scheduled jobs of this site run again?"), () =>
			frappe.job_monitor.activate_scheduler().then(() => {
				frappe.show_alert({ message: __("Scheduler enabled"), indicator: "green" });
				listview.jm_scheduler_at = 0;
				return keep_scheduler(listview);
			})
		)
	);
}
