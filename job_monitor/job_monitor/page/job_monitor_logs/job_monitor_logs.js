// The bench's log files: choose one, search, follow.

frappe.pages["job-monitor-logs"].on_page_load = (wrapper) => {
	const page = frappe.ui.make_app_page({
		parent: wrapper,
		title: __("Log Files"),
		single_column: true,
	});
	wrapper.logs = new LogFiles(page);
};

frappe.pages["job-monitor-logs"].on_page_show = (wrapper) => wrapper.logs.plan();

const FOLLOW_SECONDS = 2;
const LEVELS = ["", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

class LogFiles {
	constructor(page) {
		this.page = page;
		this.make_fields();
		this.$older = $(
			`<button class="btn btn-xs btn-default jm-log-older">${__("Older")}</button>`
		);
		this.$note = $('<p class="text-muted jm-log-note" role="status"></p>');
		this.$records = $('<div class="jm-log" tabindex="0" dir="ltr" role="log"></div>');
		$(page.main).append(
			$('<div class="jm-log-page"></div>').append(this.$older, this.$records, this.$note)
		);
		this.$older.on("click", () => this.go_back());
		page.set_secondary_action(__("Refresh"), () => this.load(), "refresh");
		page.add_menu_item(__("Copy"), () => frappe.utils.copy_to_clipboard(this.text()));
		this.fill_names();
	}

	make_fields() {
		const change = () => this.load();
		const add = (df) => this.page.add_field({ ...df, change });
		this.name = add({ fieldname: "name", label: __("Log"), fieldtype: "Select", options: [] });
		this.search = add({ fieldname: "text", label: __("Search"), fieldtype: "Data" });
		this.level = add({
			fieldname: "level",
			label: __("Level", null, "Job Monitor"),
			fieldtype: "Select",
			options: LEVELS,
		});
		this.follow = this.page.add_field({
			fieldname: "follow",
			label: __("Follow"),
			fieldtype: "Check",
			default: 1,
			change: () => this.plan(),
		});
		this.follow.set_value(1);
	}

	async fill_names() {
		this.files = await frappe.job_monitor.get_log_files();
		const title = ({ name, size }) => `${name} (${frappe.form.formatters.FileSize(size)})`;
		this.name.df.options = this.files.map((file) => ({
			value: file.name,
			label: title(file),
		}));
		this.name.refresh();
		const asked = frappe.utils.get_url_arg("log");
		this.name.set_value(asked || (this.files.find((file) => file.size) || this.files[0]).name);
	}

	filters() {
		return {
			name: this.name.get_value(),
			text: this.search.get_value() || "",
			level: this.level.get_value() || "",
		};
	}

	async load() {
		const filters = this.filters();
		if (!filters.name) return;
		clearTimeout(this.timer);
		const page = await frappe.job_monitor.read_log(filters);
		if (JSON.stringify(filters) !== JSON.stringify(this.filters())) return;
		this.$records.empty();
		this.newer = page.newer;
		this.show(page.records);
		this.tell(page);
		this.$records.scrollTop(this.$records[0].scrollHeight);
		this.plan();
	}

	async go_back() {
		const page = await frappe.job_monitor.read_log({ ...this.filters(), older: this.older });
		const height = this.$records[0].scrollHeight;
		this.$records.prepend(page.records.map((record) => this.draw(record)));
		this.$records.scrollTop(this.$records[0].scrollHeight - height);
		this.tell(page);
	}

	/** The next look comes after the last answer, and only while the page is seen. */
	plan() {
		clearTimeout(this.timer);
		if (this.follow?.get_value() && this.newer) {
			this.timer = setTimeout(() => this.look(), FOLLOW_SECONDS * 1000);
		}
	}

	async look() {
		if (frappe.get_route()[0] !== "job-monitor-logs") return; // showing the page plans anew
		if (!document.hidden) {
			const filters = this.filters();
			const page = await frappe.job_monitor.read_log({ ...filters, newer: this.newer });
			if (JSON.stringify(filters) === JSON.stringify(this.filters())) {
				this.newer = page.newer;
				this.show(page.records);
				if (page.note) this.$note.text(page.note);
			}
		}
		this.plan();
	}

	tell(page) {
		this.older = page.older;
		this.$older.toggle(Boolean(page.older));
		const empty = !this.$records.children().length && __("No entry matches.");
		this.$note.text(page.note || empty || "");
	}

	show(records) {
		const box = this.$records[0];
		const at_end = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
		for (const record of records) {
			const $old = this.$records.children(`[data-key="${CSS.escape(record.key)}"]`);
			const $new = this.draw(record);
			if ($old.length) $old.replaceWith($new);
			else this.$records.append($new);
		}
		if (at_end) box.scrollTop = box.scrollHeight;
	}

	draw(record) {
		const [first, ...rest] = record.text.trimEnd().split("\n");
		const $record = $(
			rest.length
				? "<details class='jm-log-record'></details>"
				: "<div class='jm-log-record'></div>"
		);
		$record.attr({ "data-key": record.key, "data-level": record.level });
		const last = rest.length ? rest[rest.length - 1].trim() : "";
		const $head = $(rest.length ? "<summary></summary>" : "<span></span>").text(first);
		if (last) $head.append($('<span class="jm-log-last"></span>').text(` … ${last}`));
		$record.append($head);
		if (rest.length) $record.append($("<pre></pre>").text(rest.join("\n")));
		return $record;
	}

	text() {
		return this.$records
			.children()
			.map((_n, record) => record.innerText)
			.get()
			.join("\n");
	}
}
