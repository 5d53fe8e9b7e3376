import express from "express";
import { resourcePathOf } from "../auth/protected-resource.js";
import { pathOf, mountOf } from "../http/mount.js";
import type { HostRequest } from "../http/mount.js";
import type { Discovery } from "../http/discovery.js";
import type { Refusals } from "../http/refusals.js";
import type { Logger } from "../shared/logger.js";
import type { MountPaths } from "./mount-paths.js";
import { pathAtRouter } from "./find-mount.js";

/** What the documents are about, and what refuses requests for them. */
interface DescribedEndpoint {
  readonly discovery: Discovery;
  readonly refusals: Refusals;
  readonly options: { readonly logger: Logger };
}

/**
 * The documents at the app's root: for each path of the endpoint, and the root one.
 *
 * Security decision: a document is served for a path only if that path leads to this very router,
 * so that no mount ever speaks for another's resource.
 */
export function createWellKnown(
  { discovery, refusals, options: { logger } }: DescribedEndpoint,
  router: express.Router,
  mounts: MountPaths,
): express.Router {
  const wellKnown = express.Router();
  const { resources } = discovery;
  if (resources.length === 0) return wellKnown;
  let hasWarned = false;
  wellKnown.use((req: HostRequest, res, next) => {
    const send = (document: () => void): void => {
      try {
        document();
      } catch (error) {
        refusals.refuse({ req, res }, error);
      }
    };
    if (discovery.isServerMetadata(pathOf(req))) {
      send(() => discovery.sendServerMetadata(req, res));
      return;
    }
    const path = resourcePathOf(pathOf(req));
    if (path === undefined) {
      next();
      return;
    }
    const configured = discovery.publicMount(undefined)?.base;
    let base: string | undefined;
    for (const resource of resources) {
      base = configured ?? spokenOf(path, req, router, resource, mounts);
      if (base === undefined || (path !== "" && path !== `${base}${resource}`)) continue;
      const mount = mountOf(req, base);
      send(() => discovery.sendMetadata(req, res, mount, resource));
      return;
    }
    if (req.app === undefined && base === undefined && !hasWarned) {
      hasWarned = true;
      logger.warn(
        "wellKnown cannot tell where the router is mounted, without an app: set publicUrl",
      );
    }
    next();
  });
  return wellKnown;
}

/** The mount path that a well-known path speaks of, if it is one of this router's. */
function spokenOf(
  path: string,
  req: HostRequest,
  router: express.Router,
  endpoint: string,
  mounts: MountPaths,
): string | undefined {
  // No resource ends with a slash.
  if (path.endsWith("/")) return undefined;
  // Express 4 has the router at `_router`, and throws at `router`.
  const app = (req.app ?? {}) as { _router?: unknown; router?: unknown };
  const leadsHere = (candidate: string): boolean => {
    const found = pathAtRouter(app._router ?? app.router, candidate || "/", router);
    return found === (endpoint || "/");
  };
  if (path === "") return mounts.only ?? (leadsHere(endpoint) ? "" : undefined);
  const base = path.endsWith(endpoint) ? path.slice(0, path.length - endpoint.length) : undefined;
  if (base === undefined) return undefined;
  return base === mounts.only || leadsHere(path) ? base : undefined;
}
