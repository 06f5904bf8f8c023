/** Evaluates the policies of an application. */
import type { Application, Decision, Policy, Rule, ServiceToken, State } from "../state.ts";

/** What is known about a visitor. */
export interface Subject {
  readonly email?: string;
  /** The identity provider that verified it. */
  readonly provider?: string;
  readonly serviceToken?: ServiceToken;
}

function holds(rule: Rule, { email, provider, serviceToken }: Subject): boolean {
  const [type = ""] = Object.keys(rule);
  const value = rule[type] ?? {};
  const same = (given: string | undefined, wanted: string | undefined) =>
    given !== undefined && given.toLowerCase() === wanted?.toLowerCase();
  switch (type) {
    case "everyone":
      return true;
    case "email":
      return same(email, value.email);
    case "email_domain":
      return same(email?.split("@").at(-1), value.domain);
    case "login_method":
      return provider !== undefined && provider === value.id;
    case "service_token":
      return serviceToken !== undefined && serviceToken.id === value.token_id;
    case "any_valid_service_token":
      return serviceToken !== undefined;
    default:
      return false;
  }
}

function matches(policy: Policy, subject: Subject): boolean {
  return (
    policy.include.some((rule) => holds(rule, subject)) &&
    policy.require.every((rule) => holds(rule, subject)) &&
    !policy.exclude.some((rule) => holds(rule, subject))
  );
}

/** An application's policies with some decisions, by precedence. */
export function policiesOf(state: State, app: Application, decisions: readonly Decision[]): Policy[] {
  return app.policies
    .map(({ id }) => state.policies.get(id))
    .filter((policy) => policy !== undefined)
    .filter((policy) => decisions.includes(policy.decision));
}

const first = (policies: readonly Policy[], subject: Subject): Policy | undefined =>
  policies.find((policy) => matches(policy, subject));

/**
 * The policy that admits everyone without a check, if any. Bypass policies and those for machines come first.
 */
export function bypassed(state: State, app: Application): Policy | undefined {
  return first(policiesOf(state, app, ["bypass"]), {});
}

/** The policy that admits a service token. */
export function admitsMachine(state: State, app: Application, token: ServiceToken): Policy | undefined {
  return first(policiesOf(state, app, ["non_identity"]), { serviceToken: token });
}

/** The policy that admits a person: the first that matches them, if it allows. */
export function admitsPerson(state: State, app: Application, subject: Subject): Policy | undefined {
  const policy = first(policiesOf(state, app, ["allow", "deny"]), subject);
  return policy?.decision === "allow" ? policy : undefined;
}
