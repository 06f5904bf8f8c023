/**
 * A second line of defence for published text: the engine already shows secrets as `[secret]`; this also
 * removes
 * the secrets in the job's environment, wherever they came from.
 */

const SECRET_NAME = /(TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIAL|PRIVATE|WEBHOOK|_KEY)/i;
/** Variables named like secrets that are none: names of files, and public keys. */
const NOT_SECRET = /(_FILE|_PATH|_URL|_ID)$/i;
const SECRET_URLS = new Set(["PULUMI_BACKEND_URL", "ALERT_WEBHOOK"]);
/** Shorter values would match harmless text. */
const SHORTEST = 8;

/** Makes a function that redacts the environment's secrets, also URL-encoded or in base64. */
export function redactor(env: Readonly<Record<string, string | undefined>>): (text: string) => string {
  const values = Object.entries(env).flatMap(([name, value = ""]) => secretsIn(name, value));
  const forms = values.flatMap((value) => [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString("base64").replace(/=+$/, ""),
  ]);
  // Longest first, as one secret may contain another.
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

/** A webhook's address is secret as a whole; of a backend's only the password. */
function partsOfUrl(value: string): string[] {
  if (!URL.canParse(value)) return [value];
  const { password, protocol } = new URL(value);
  return [...(protocol.startsWith("http") ? [value] : []), decodeURIComponent(password)];
}
