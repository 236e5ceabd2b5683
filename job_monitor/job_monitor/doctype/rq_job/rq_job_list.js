frappe.listview_settings["RQ Job"] = {
	hide_name_column: true,
	add_fields: ["job_id", "status", "progress"],

	onload(listview) {
		const { live, get_scheduler_status } = frappe.job_monitor;
		live.coverage(listview);
		fill_queues(listview);
		add_created_filter(listview);
		get_scheduler_status().then(({ status }) => show_scheduler(listview, status === "active"));
	},

	refresh(listview) {
		frappe.job_monitor.live.list(listview);
		frappe.job_monitor.show.empty_list(
			listview,
			__("No jobs. They come here when something is enqueued; finished ones stay ten minutes.")
		);
	},

	get_indicator: (doc) => frappe.job_monitor.show.indicator(doc),

	formatters: {
		method: (value, df, doc) => frappe.job_monitor.show.method(value || doc.name),
		queue: (value, df) => frappe.job_monitor.show.filterable(value, df),
		created_at: (value) => frappe.job_monitor.show.when(value),
		wait: (value, df) => frappe.job_monitor.show.duration(value, df),
		time_taken: (value, df, doc) =>
			doc.status === "started" && doc.progress
				? frappe.job_monitor.show.bar(doc.progress)
				: frappe.job_monitor.show.duration(value, df),
	},
};

function fill_queues(listview) {
	const queues = frappe.boot.job_monitor?.queues || [];
	const docfield = frappe.meta.get_docfield("RQ Job", "queue");
	if (docfield) docfield.options = queues.join("\n");
	const filter = listview.page.fields_dict.queue;
	if (filter) {
		filter.df.options = ["", ...queues].join("\n");
		filter.set_options?.();
	}
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

function show_scheduler(listview, active) {
	if (active) {
		listview.page.set_indicator(__("Scheduler: Active"), "green");
		return;
	}
	listview.page.set_indicator(__("Scheduler: Inactive"), "red");
	if (frappe.session.user !== "Administrator") return;
	listview.page.add_inner_button(__("Enable Scheduler"), () =>
		frappe.confirm(__("Let scheduled jobs of this site run again?"), () =>
			frappe.job_monitor.activate_scheduler().then(() => {
				frappe.show_alert({ message: __("Scheduler enabled"), indicator: "green" });
				listview.page.remove_inner_button(__("Enable Scheduler"));
				show_scheduler(listview, true);
			})
		)
	);
}
