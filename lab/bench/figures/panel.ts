/** What people have of the panel: how soon a project serves, how light the page is, how many may follow a log. */
import type { FigureSpec } from "../lib/fixture.ts";
import { panelClick } from "./panel-click.ts";
import { panelLogs } from "./panel-logs.ts";
import { panelPage } from "./panel-page.ts";

export const panel: readonly FigureSpec[] = [panelClick, panelPage, panelLogs];
