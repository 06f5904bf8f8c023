/** The fields of the project form. */
import { h } from "./dom.ts";
import type { Fields } from "./entry.ts";
import { choice, type Field, field, line, secretLine } from "./field.ts";
import type { FieldProblem } from "./model.ts";
import type { FieldErrors } from "./problems.ts";
import { SecretRows } from "./secrets.ts";

type TextKey = Exclude<keyof Fields, "auth" | "secrets">;

export interface FormFields {
  readonly elements: readonly HTMLElement[];
  read(): Fields;
  fill(fields: Fields): void;
  /** Shows the problems of fields for which `when` is true; clears the others. */
  show(placed: FieldErrors, when: (place: string) => boolean): void;
  /** Shows a note at a field. */
  note(key: string, text: string): void;
  /** The control of a place. */
  control(place: string): HTMLElement | undefined;
  /** The place of a control. */
  placeOf(control: EventTarget | null): string | undefined;
}

const sizes = ["512MiB", "1GiB", "2GiB", "4GiB", "8GiB"];

function textFields(isNew: boolean): Record<TextKey, Field> {
  const knownHosts = h("textarea", { rows: 2, spellcheck: "false", autocomplete: "off" });
  const memory = line({ placeholder: "default", list: "sizes" });
  return {
    name: field(
      "Name",
      line({ required: true, readonly: !isNew, maxlength: "64" }),
      isNew ? "Lower-case letters, digits, hyphens. Becomes its address." : undefined,
    ),
    repo: field(
      "Repository",
      line({ placeholder: "https://github.com/example/web-shop.git" }),
      isNew
        ? "Cloned into the new workspace. Leave empty for an empty git workspace."
        : "Cloned only into an empty workspace; existing files are kept.",
    ),
    branch: field("Branch", line({ placeholder: "the repository's default" })),
    tokenSecret: field("Name of the token's secret", line()),
    tokenValue: field("Token", secretLine(isNew ? "" : "stored; type to replace it")),
    username: field(
      "User name",
      line({ placeholder: "x-access-token" }),
      "GitLab: oauth2. Bitbucket: x-token-auth.",
    ),
    knownHosts: field("Known hosts", knownHosts, "In the format of ssh-keyscan; other keys are refused."),
    memory: field("Memory", memory, "At least 512MiB; above the limit, the project is restarted."),
    cpus: field(
      "Processors",
      line({ placeholder: "default", inputmode: "decimal" }),
      "Fractions are allowed.",
    ),
    sleep: field("Sleeps after", line({ placeholder: "default" }), "As 30m or 2h without use; or never."),
    model: field("Model", line({ placeholder: "opencode's default" }), "provider/model"),
    version: field(
      "Release",
      line({ placeholder: "the platform's default" }),
      "2 for opencode 2, 1 for opencode 1, or an exact release. Its sessions are copied before another release opens them.",
    ),
    members: field(
      "Members",
      line({ placeholder: "the stack's access list" }),
      "People who can open it, if sign-in is on: e-mail addresses and groups, separated by commas.",
    ),
  };
}

/** The fields of git's auth; shows those of the chosen method. */
function gitFields(texts: Record<TextKey, Field>) {
  const auth = choice<Fields["auth"]>("Git authenticates with", "auth", [
    ["none", "nothing (public)"],
    ["token", "a token (https)"],
    ["ssh", "a deploy key (ssh)"],
  ]);
  const token = h(
    "div",
    { class: "pair" },
    texts.tokenValue.element,
    texts.tokenSecret.element,
    texts.username.element,
  );
  const ssh = h(
    "div",
    {},
    h(
      "p",
      { class: "hint" },
      "A key is created for the project. The list then shows its public half: add it to the repository as a deploy key.",
    ),
    texts.knownHosts.element,
  );
  const toggle = () => {
    token.hidden = auth.value !== "token";
    ssh.hidden = auth.value !== "ssh";
  };
  auth.control.addEventListener("change", toggle);
  return { auth, elements: [auth.element, token, ssh], toggle };
}

const pair = (...elements: readonly HTMLElement[]) => h("div", { class: "pair" }, ...elements);
const inGroup = (legend: string, ...children: readonly HTMLElement[]) =>
  h("fieldset", {}, h("legend", {}, legend), ...children);

/**
 * Creates the fields.
 * @param options.isNew whether the form creates a project
 * @param options.limits whether the person can change limits
 * @param options.secretsCommand how values of secrets are set where this panel can't
 * @param stored names of secrets with a stored value
 * @param changed called when a row is added or removed
 */
export function formFields(
  { isNew, limits, secretsCommand }: { isNew: boolean; limits: boolean; secretsCommand?: string | undefined },
  stored: ReadonlySet<string>,
  changed: () => void,
): FormFields {
  const texts = textFields(isNew);
  if (secretsCommand !== undefined) (texts.tokenValue.control as HTMLInputElement).disabled = true;
  const git = gitFields(texts);
  const secrets = new SecretRows(stored, secretsCommand, changed);
  const all: Record<string, Field> = { ...texts, auth: git.auth };
  const keys = Object.keys(texts) as TextKey[];
  const input = (key: TextKey) => texts[key].control as HTMLInputElement;
  const limited = inGroup("Limits", pair(texts.memory.element, texts.cpus.element), texts.sleep.element);
  limited.hidden = !limits;
  return {
    elements: [
      texts.name.element,
      inGroup("Repository", pair(texts.repo.element, texts.branch.element), ...git.elements),
      limited,
      inGroup("opencode", pair(texts.model.element, texts.version.element), texts.members.element),
      secrets.element,
      h("datalist", { id: "sizes" }, ...sizes.map((value) => h("option", { value }))),
    ],
    read: () => ({
      ...(Object.fromEntries(keys.map((key) => [key, input(key).value])) as Record<TextKey, string>),
      auth: git.auth.value,
      secrets: secrets.values,
    }),
    fill(fields) {
      for (const key of keys) input(key).value = fields[key];
      git.auth.set(fields.auth);
      git.toggle();
      secrets.set(fields.secrets);
    },
    show({ fields }, when) {
      const at = (place: string): readonly FieldProblem[] => (when(place) ? (fields.get(place) ?? []) : []);
      for (const [key, one] of Object.entries(all)) one.setProblems(at(key));
      secrets.setProblems(at);
    },
    note: (key, text) => all[key]?.setNote(text),
    control: (place) =>
      place === "auth"
        ? (git.auth.control.querySelector("input") ?? undefined)
        : (all[place]?.control ?? secrets.control(place)),
    placeOf(control) {
      if (!(control instanceof Element)) return undefined;
      const key = Object.keys(all).find((name) => all[name]?.control.contains(control));
      if (key !== undefined) return key;
      return secrets.values
        .flatMap((_, index) => [`secret-name:${index}`, `secret-value:${index}`])
        .find((place) => secrets.control(place) === control);
    },
  };
}
