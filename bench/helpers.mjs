/** The processes that all rows share: who signs, and who calls. */
import { join } from "node:path";
import { Child } from "./child.mjs";
import { createSecrets } from "./secrets.mjs";

/** @param core CPU for them to run on; `undefined` for any. */
export async function startHelpers(core) {
  const secrets = createSecrets();
  const issuer = new Child(join(import.meta.dirname, "issuer-process.mjs"), { core });
  Object.assign(secrets, await issuer.ask("start", secrets));
  const load = new Child(join(import.meta.dirname, "load-process.mjs"), { core });
  await load.ask("prepare", secrets);
  return { load, secrets };
}
