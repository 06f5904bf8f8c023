/** The panel for its users: time until a project serves, weight of the page, followers of a log. */
import type { FigureSpec } from "../lib/fixture.ts";
import { panelClick } from "./panel-click.ts";
import { panelLogs } from "./panel-logs.ts";
import { panelPage } from "./panel-page.ts";

export const panel: readonly FigureSpec[] = [panelClick, panelPage, panelLogs];
