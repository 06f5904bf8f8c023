/**
 * A second line of defence for what is published: the engine shows secrets as `[secret]`, and whatever the job's environment holds in
 * secret is taken out of a text besides, wherever it came from.
 */

const SECRET_NAME = /(TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIAL|PRIVATE|WEBHOOK|_KEY)/i;
/** Named like secrets, but not: names of files, and the public half of a pair. */
const NOT_SECRET = /(_FILE|_PATH|_URL|_ID)$/i;
const SECRET_URLS = new Set(["PULUMI_BACKEND_URL", "ALERT_WEBHOOK"]);
/** Shorter values would also be found where they mean nothing. */
const SHORTEST = 8;

/** A function that takes the environment's secrets out of a text, as they are and as they stand in a URL or in base64. */
export function redactor(env: Readonly<Record<string, string | undefined>>): (text: string) => string {
  const values = Object.entries(env).flatMap(([name, value = ""]) => secretsIn(name, value));
  const forms = values.flatMap((value) => [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString("base64").replace(/=+$/, ""),
  ]);
  // Longest first: one secret may hold another.
  const wanted = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return (text) => wanted.reduce((rest, value) => rest.replaceAll(value, "[secret]"), text);
}

function secretsIn(name: string, value: string): string[] {
  if (SECRET_URLS.has(name)) return partsOfUrl(value).filter((part) => part.length >= SHORTEST);
  if (!SECRET_NAME.test(name) || NOT_SECRET.test(name)) return [];
  // A key of several lines may be shown indented.
  return value
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.length >= SHORTEST && !line.startsWith("-----"));
}

/** A webhook's address is a secret as a whole; of a backend's only the password is. */
function partsOfUrl(value: string): string[] {
  if (!URL.canParse(value)) return [value];
  const { password, protocol } = new URL(value);
  return [...(protocol.startsWith("http") ? [value] : []), decodeURIComponent(password)];
}
