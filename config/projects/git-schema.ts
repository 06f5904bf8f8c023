/** The key `git` of an entry: how git authenticates, and who makes commits. */
import * as z from "zod";
import {
  about,
  commitEmail,
  KNOWN_HOST_PATTERN,
  knownHostError,
  personName,
  variableName,
} from "./field-schemas.ts";

const DEFAULT_GIT_USERNAME = "x-access-token";

const auth = (text: string) =>
  `How git authenticates: none, token (https) or ssh (deploy key). Here: ${text}`;

/** Of git whichever way it authenticates. The rules of those that need one of the ways are in entry-rules.ts. */
const anyGit = {
  name: personName
    .optional()
    .describe("Author of commits made in the project. Default: <project> (opencode).")
    .meta({ examples: ["Shop agent"] }),
  email: commitEmail
    .optional()
    .describe(
      "Address of that author. Default: <project>@ the stack's domain. A repository's or a person's own git configuration overrides both.",
    )
    .meta({ examples: ["shop-agent@example.com"] }),
  sign: z
    .boolean()
    .optional()
    .describe(
      "Whether commits are signed with the project's deploy key (auth: ssh): a forge shows them as verified once that key is a signing key of the account with that address. Default: false.",
    ),
  forge: z
    .enum(["github", "gitlab"])
    .optional()
    .describe(
      "Which forge repo's host is, for gh and glab to be logged in with the token (auth: token). Default: known for github.com and gitlab.com; else none.",
    ),
};

export const git = z
  .discriminatedUnion("auth", [
    z.strictObject({
      auth: z.literal("none").optional().describe(auth("a public repository, or none. The default.")),
      ...anyGit,
    }),
    z.strictObject({
      auth: z.literal("token").describe(auth("a token, sent over https and never stored in a URL.")),
      secret: variableName.describe(
        "Name of the secret that holds the token; it must be in the entry's secrets.",
      ),
      username: z
        .string()
        .regex(/^[^\s:@/]+$/, { error: about((found) => `${found} is not a user name for git`) })
        .default(DEFAULT_GIT_USERNAME)
        .describe(
          `User name sent with the token. Default: ${DEFAULT_GIT_USERNAME} (GitHub); GitLab takes oauth2, Bitbucket x-token-auth.`,
        ),
      ...anyGit,
    }),
    z.strictObject({
      auth: z
        .literal("ssh")
        .describe(auth("a key generated for the project; its public key is the output deployKey.")),
      knownHosts: z
        .array(z.string({ error: knownHostError }).regex(KNOWN_HOST_PATTERN, { error: knownHostError }))
        .min(1)
        .optional()
        .describe(
          "Lines of known_hosts (ssh-keyscan prints them); when given, any other host key is refused. Default: the published keys of github.com and gitlab.com; of any other host, the key seen at the first connection is kept.",
        ),
      ...anyGit,
    }),
  ])
  .describe("How to authenticate to repo, and who makes commits. Default: { auth: none }.");
