frappe.ui.form.on("Job Alert", {
	setup: (frm) => frappe.job_monitor.show.values_as_they_are(frm),

	refresh(frm) {
		frm.disable_form();
		frm.page.set_indicator(...frappe.job_monitor.alerts.indicator(frm.doc));
		show_headline(frm);
		add_actions(frm);
	},
});

function show_headline(frm) {
	const { alerts, show } = frappe.job_monitor;
	const { headline, seconds, text } = show;
	const { state, severity, acknowledged_by, muted_until, rule } = frm.doc;
	const parts = [text(rule)];
	if (state === "Resolved") parts.push(__("Lasted {0}", [seconds(frm.doc.seconds)]));
	else parts.push(__("For {0}", [seconds(alerts.lasts(frm.doc))]));
	if (acknowledged_by) parts.push(__("{0} takes care of it", [text(acknowledged_by)]));
	if (alerts.is_muted(frm.doc)) {
		parts.push(__("Muted until {0}", [frappe.datetime.str_to_user(muted_until)]));
	}
	const color = severity === "Critical" ? "red" : "orange";
	headline(frm, parts, { Firing: color, Pending: "yellow", Resolved: "green" }[state]);
}

function add_actions(frm) {
	if (!frappe.boot.job_monitor?.can_manage || frm.doc.state === "Resolved") return;
	const { acknowledge, mute } = frappe.job_monitor;
	const done = () => frm.reload_doc();
	if (!frm.doc.acknowledged_by) {
		const button = frm.add_custom_button(__("Acknowledge"), () =>
			acknowledge(frm.doc.name).then(done)
		);
		button.removeClass("btn-default").addClass("btn-primary");
	}
	if (frappe.job_monitor.alerts.is_muted(frm.doc)) {
		frm.add_custom_button(__("Unmute"), () => mute(frm.doc.name).then(done));
	} else {
		frm.add_custom_button(__("Mute"), () =>
			frappe.job_monitor.alerts.ask_until((until) => mute(frm.doc.name, until).then(done))
		);
	}
}
