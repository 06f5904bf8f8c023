/** The fields of the project form: reading them, filling them, and showing what is wrong. */
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
  /** Shows the problems of the places for which `when` is true; others are cleared. */
  show(placed: FieldErrors, when: (place: string) => boolean): void;
  /** What stands beside a field since the entry changed. */
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
        ? "Cloned into the empty workspace. Without one: an empty git workspace."
        : "Cloned only into an empty workspace: one that has files stays as it is.",
    ),
    branch: field("Branch", line({ placeholder: "the repository's own" })),
    tokenSecret: field("Name of the token's secret", line()),
    tokenValue: field("Token", secretLine(isNew ? "" : "stored; type to replace it")),
    username: field(
      "User name",
      line({ placeholder: "x-access-token" }),
      "GitLab: oauth2. Bitbucket: x-token-auth.",
    ),
    knownHosts: field(
      "Known hosts",
      knownHosts,
      "As ssh-keyscan prints them; any other key is refused then.",
    ),
    memory: field("Memory", memory, "512MiB or more; past it, the project is restarted."),
    cpus: field("Processors", line({ placeholder: "default", inputmode: "decimal" }), "Fractions are fine."),
    model: field("Model", line({ placeholder: "opencode's own choice" }), "provider/model"),
    members: field(
      "Members",
      line({ placeholder: "whom the stack lets in" }),
      "Who may open it, where sign-in is on: e-mail addresses and groups, with commas between.",
    ),
  };
}

/** The fields of git's auth, of which those of the chosen one are shown. */
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
      "A key is made for the project. Its public half is shown in the list afterwards: add it to the repository as a deploy key.",
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
 * Makes the fields.
 * @param isNew whether for a project that is to be
 * @param members whether the person may say who opens it
 * @param limits whether the person may say what it takes of the host
 * @param stored names of secrets that have a value
 * @param changed called when rows came or went
 */
export function formFields(
  { isNew, members, limits }: { isNew: boolean; members: boolean; limits: boolean },
  stored: ReadonlySet<string>,
  changed: () => void,
): FormFields {
  const texts = textFields(isNew);
  const git = gitFields(texts);
  const secrets = new SecretRows(stored, changed);
  const all: Record<string, Field> = { ...texts, auth: git.auth };
  const keys = Object.keys(texts) as TextKey[];
  const input = (key: TextKey) => texts[key].control as HTMLInputElement;
  const limited = inGroup("Limits", pair(texts.memory.element, texts.cpus.element));
  texts.members.element.hidden = !members;
  limited.hidden = !limits;
  return {
    elements: [
      texts.name.element,
      inGroup("Repository", pair(texts.repo.element, texts.branch.element), ...git.elements),
      limited,
      inGroup("opencode", pair(texts.model.element, texts.members.element)),
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
