/** The program's entry. */
import { UsageError } from "./arguments.ts";
import { cloudflared } from "./cloudflared.ts";

try {
  await cloudflared(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  const message = (error as Error).message;
  process.stderr.write(error instanceof UsageError ? `Incorrect Usage. ${message}\n` : `${message}\n`);
  process.exit(1);
}
