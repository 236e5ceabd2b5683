// frappe.job_monitor: what this app's own scripts use, and client scripts may. See README, "In client scripts".

import * as alerts from "./job_monitor/alerts";
import * as calls from "./job_monitor/calls";
import * as coverage from "./job_monitor/coverage";
import * as history from "./job_monitor/history";
import * as live from "./job_monitor/live";
import * as panel from "./job_monitor/panel";
import * as show from "./job_monitor/show";

frappe.provide("frappe.job_monitor");
$(document).on("app_ready", () => panel.start());
Object.assign(frappe.job_monitor, calls, { alerts, coverage, history, live, show });
