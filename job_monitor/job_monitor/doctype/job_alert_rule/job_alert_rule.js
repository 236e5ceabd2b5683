const NUMBERS = ["threshold", "minimum", "window_minutes", "pending_period", "repeat_interval"];

frappe.ui.form.on("Job Alert Rule", {
	async refresh(frm) {
		await shape(frm);
		show_headline(frm);
		if (frm.is_new()) return;
		frm.add_custom_button(__("Alerts"), () =>
			frappe.set_route("List", "Job Alert", { rule: frm.doc.name })
		);
		if (!frm.perm[0].write) return;
		frm.add_custom_button(__("Try"), () => try_rule(frm));
		const { alerts } = frappe.job_monitor;
		if (frappe.job_monitor.alerts.is_muted(frm.doc))
			frm.add_custom_button(__("Unmute"), () => mute(frm, null));
		else
			frm.add_custom_button(__("Mute"), () => alerts.ask_until((until) => mute(frm, until)));
	},

	async kind(frm) {
		const kind = await shape(frm);
		if (!kind || !frm.is_new()) return;
		for (const field of NUMBERS) frm.set_value(field, kind[field] || 0);
		frm.set_value("severity", kind.severity === "critical" ? "Critical" : "Warning");
		if (!frm.doc.title) frm.set_value("title", frm.doc.kind);
	},
});

let kinds;

/** Show what this kind of rule has, with its units. */
async function shape(frm) {
	kinds ||= frappe.job_monitor.get_rule_kinds();
	const kind = (await kinds)[frm.doc.kind];
	frm.set_df_property("kind", "description", kind ? __(kind.help) : "");
	const has = (scope) => Boolean(kind?.scope.includes(scope));
	frm.toggle_display("threshold", Boolean(kind?.threshold));
	frm.toggle_display("minimum", Boolean(kind?.minimum));
	frm.toggle_display("window_minutes", Boolean(kind?.window_minutes));
	frm.toggle_display("queue", has("queue"));
	frm.toggle_display("subject", has("method") || has("schedule"));
	frm.set_df_property("threshold", "label", label(__("Threshold"), kind?.unit));
	frm.set_df_property("minimum", "label", __(kind?.minimum_label || "At Least"));
	frm.set_df_property("subject", "label", has("schedule") ? __("Scheduled Job") : __("Method"));
	return kind;
}

const label = (text, unit) => (unit ? `${text} (${__(unit)})` : text);

function show_headline(frm) {
	const { headline, text } = frappe.job_monitor.show;
	const parts = [
		frm.doc.__onload?.too_short && text(frm.doc.__onload.too_short),
		!frm.doc.enabled && __("Disabled: nobody looks."),
		frappe.job_monitor.alerts.is_muted(frm.doc) &&
			__("Muted until {0}", [frappe.datetime.str_to_user(frm.doc.muted_until)]),
	];
	headline(frm, parts, "yellow");
}

async function mute(frm, until) {
	await frm.set_value("muted_until", until);
	await frm.save();
}

async function try_rule(frm) {
	if (frm.is_dirty()) await frm.save();
	const { try_rule, show } = frappe.job_monitor;
	const { seen, problem } = await try_rule(frm.doc.name);
	const rows = seen.map(
		(sighting) => `<p><b>${show.text(sighting.title)}</b><br>
			<span class="text-muted">${show.text(sighting.text)}</span></p>`
	);
	const nothing = `<p>${__("It sees nothing now.")}</p>`;
	frappe.msgprint({
		title: __("What the rule sees now"),
		message: problem ? show.text(problem) : rows.join("") || nothing,
		indicator: problem || seen.length ? "orange" : "green",
	});
}
