frappe.ui.form.on("Scheduled Job Type", {
	async refresh(frm) {
		if (frm.is_new()) return;
		const [health] = await frappe.job_monitor.get_schedule_health([frm.doc.name]);
		if (health?.name === frm.doc.name) tell(frm, health);
	},
});

function tell(frm, health) {
	const { show } = frappe.job_monitor;
	const { due, headline, seconds, text } = show;
	const { state, message, hint, next_due_at, overdue_seconds, usual_duration } = health;
	frm.page.set_indicator(...show.schedule_indicator(health));
	const parts = [message && text(message), hint && text(hint)];
	if (next_due_at) {
		const at = frappe.datetime.str_to_user(next_due_at);
		parts.push(
			__(overdue_seconds ? "was due {0}" : "next due {0}", [`${at} (${due(health)})`])
		);
	}
	if (!message && usual_duration !== null)
		parts.push(__("usually takes {0}", [seconds(usual_duration)]));
	headline(frm, parts, show.SCHEDULE_COLORS[state]);
	if (health.job_id) {
		frm.add_custom_button(__("RQ Job"), () =>
			frappe.set_route("Form", "RQ Job", health.job_id)
		);
	}
	frm.add_custom_button(__("Runs"), () =>
		frappe.set_route("List", "Scheduled Job Log", { scheduled_job_type: frm.doc.name })
	);
	if (health.blocked_by && frappe.boot.job_monitor?.can_manage) {
		const button = frm.add_custom_button(__("Release", null, "Job Monitor"), () =>
			release(frm, health)
		);
		button.removeClass("btn-default").addClass("btn-primary");
	}
}

function release(frm, health) {
	const { text } = frappe.job_monitor.show;
	const question = __(
		"Delete the dead job that blocks this schedule? The scheduler queues it anew when it is due."
	);
	const question_and_job = `<p>${question}</p><p class="text-muted jm-name">${text(
		health.blocked_by
	)}</p>`;
	frappe.confirm(question_and_job, async () => {
		const outcome = await frappe.job_monitor.release_schedule(frm.doc.name);
		const indicator = outcome.done ? "green" : "orange";
		frappe.show_alert({ message: text(outcome.message), indicator });
		frm.reload_doc();
	});
}
