/** As much of an Express router as is needed to see where it would send a request. */
interface RouterLike {
  readonly stack?: unknown;
}

interface LayerLike {
  readonly handle: unknown;
  readonly route?: unknown;
  /** Whether the layer takes the path; what it takes of it is in the result, or (Express 4) in `path`. */
  match(path: string): boolean | { readonly path: string };
  readonly path?: string;
}

/**
 * What is left of `path` when it reaches `target` in a tree of routers; `undefined` when it does
 * not. Runs no middleware: it asks the layers that Express itself would ask.
 *
 * A document at the app's root must know which mount it speaks of, before any request has come
 * through that mount; Express tells a router its mount path only with a request. Where an app
 * wraps `target` in a function, or mounts it in a sub-app, this finds nothing, and `publicUrl`
 * says it.
 */
export function pathAtRouter(router: unknown, path: string, target: unknown): string | undefined {
  const { stack } = (router ?? {}) as RouterLike;
  // Any function may be mounted, and have a property of this name.
  if (!Array.isArray(stack)) return undefined;
  for (const layer of stack as readonly LayerLike[]) {
    const rest = layer.route === undefined ? pathBehind(layer, path) : undefined;
    if (rest === undefined) continue;
    const found = isSameRouter(layer.handle, target)
      ? rest
      : pathAtRouter(layer.handle, rest, target);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Whether a layer leads to a router. Instruments and other patches of Express put a function of
 * their own around every layer's, with the same properties: so the stack tells, which each router
 * has for itself.
 */
function isSameRouter(handle: unknown, target: unknown): boolean {
  if (handle === target) return true;
  const { stack } = (handle ?? {}) as RouterLike;
  return stack !== undefined && stack === (target as RouterLike).stack;
}

function pathBehind(layer: LayerLike, path: string): string | undefined {
  try {
    const match = layer.match(path);
    if (match === false) return undefined;
    const taken = match === true ? layer.path : match.path;
    const rest = path.slice(taken?.length ?? 0);
    return rest.startsWith("/") ? rest : `/${rest}`;
  } catch {
    // A path that cannot be decoded leads nowhere.
    return undefined;
  }
}
