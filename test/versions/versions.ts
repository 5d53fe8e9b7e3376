/**
 * The versions that CI runs; `docs/versions.md` says so, and `versions.test.ts` holds it to that.
 */

/** Majors of Node. The whole suite runs on the first, the short form on the others. */
export const NODE = [20, 22, 24, 26] as const;

/** Compilers that check the packed package's types. */
export const TYPESCRIPT = ["5.4", "5.6", "5.9", "6.0", "7.0"] as const;

/** Majors of `@types/node` that they do it with. */
export const TYPES_NODE = [20, 22, 24, 26] as const;

/** How they look modules up. */
export const MODULE_RESOLUTION = ["node16", "nodenext", "bundler"] as const;

/** The package of this repository that is the oldest SDK v1 of the peer range. */
export const OLDEST_SDK_V1 = "sdk-1.26";
