/** The ports of a project's row: links to what its programs serve, and what listens without a hostname. */
import { attribute, h, isWebAddress, reconcile } from "./dom.ts";
import type { ProjectView } from "./model.ts";
import { can } from "./permissions.ts";

/** Adds a port to a project's entry. */
export type AddPort = (project: ProjectView, port: number) => void;

/** States in which nobody knows what listens. A link wakes the project. */
const SLEEPS: readonly string[] = [
  "asleep",
  "falling-asleep",
  "waking",
  "parked",
] satisfies ProjectView["state"][];

/** A link, with whether something answers. */
function portLink({ label, url, listening }: ProjectView["ports"][number], isAsleep: boolean): HTMLElement {
  const symbol = h("span", { class: "symbol", "aria-hidden": "true" }, listening ? "●" : "○");
  const words = listening || isAsleep ? label : `${label} (nothing listens)`;
  const link = h("a", { class: "port", target: "_blank", rel: "noopener" }, symbol, ` ${words}`);
  attribute(link, "href", isWebAddress(url) ? url : undefined);
  attribute(link, "data-tone", listening ? "good" : "idle");
  return link;
}

/** The element, shown while there is something in it. */
export function portsElement(add: AddPort) {
  const element = h("p", { class: "ports", hidden: true });
  let shown = "";
  return {
    element,
    set(project: ProjectView) {
      const offered = can(project, "edit") ? project.listening : [];
      const isAsleep = SLEEPS.includes(project.state);
      const key = JSON.stringify([project.ports, offered, isAsleep]);
      if (key === shown) return;
      shown = key;
      element.hidden = project.ports.length === 0 && offered.length === 0;
      reconcile(element, [
        h("span", { class: "label" }, "ports"),
        ...project.ports.map((port) => portLink(port, isAsleep)),
        ...offered.map((port) =>
          h(
            "button",
            {
              type: "button",
              class: "port",
              title: `Something listens on ${port}: give it a hostname`,
              "aria-label": `Add port ${port} to ${project.name}`,
              onclick: () => add(project, port),
            },
            `+ ${port}`,
          ),
        ),
      ]);
    },
  };
}
