import { randomBytes } from "node:crypto";
import { type Call, type Calls, created, done, ok } from "../call.ts";
import { badRequest } from "../errors.ts";
import { must, now, type SpacesKey } from "../world.ts";

type Body = Partial<Pick<SpacesKey, "name" | "grants">>;

/** Keys of Spaces. The secret is in the answer to the creation, and in no other. */
export const spacesKeyCalls: Calls = {
  spacesKey_create({ world, body }) {
    const { name = "", grants = [] } = body as Body;
    refuseMixed(grants);
    const accessKey = `DO00${randomBytes(8).toString("hex").toUpperCase()}`;
    const key: SpacesKey = {
      accessKey,
      secret: randomBytes(32).toString("base64url"),
      name,
      grants,
      createdAt: now(),
    };
    world.spacesKeys.set(accessKey, key);
    return created({ key: { ...view(key), secret_key: key.secret } });
  },

  spacesKey_get: (call) => ok({ key: view(keyOf(call)) }),

  spacesKey_update(call) {
    const key = keyOf(call);
    const { name = key.name, grants = key.grants } = call.body as Body;
    refuseMixed(grants);
    Object.assign(key, { name, grants });
    return ok({ key: view(key) });
  },

  spacesKey_delete(call) {
    call.world.spacesKeys.delete(keyOf(call).accessKey);
    return done;
  },
};

const keyOf = ({ world, param }: Call): SpacesKey => must(world.spacesKeys.get(param("access_key")));

const view = ({ accessKey, name, grants, createdAt }: SpacesKey) => ({
  name,
  grants,
  access_key: accessKey,
  created_at: createdAt,
});

/** Full access is of every bucket, so it names none and stands alone. */
function refuseMixed(grants: SpacesKey["grants"]): void {
  const isFull = grants.some(({ permission }) => permission === "fullaccess");
  if (isFull && grants.some(({ bucket }) => bucket !== ""))
    throw badRequest("fullaccess can't be mixed with grants of buckets");
  if (!isFull && grants.some(({ bucket }) => bucket === "")) throw badRequest("a grant needs a bucket");
}
