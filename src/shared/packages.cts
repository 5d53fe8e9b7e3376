/**
 * Packages that only some applications use, each loaded when something is made that needs it.
 *
 * This file is CommonJS, where `require` is at hand: it loads at once, so that a missing package is
 * noticed where an authentication method is built and not at the first request; it works in Jest's
 * default configuration, where `import()` does not; and bundlers see what it names. So each name is
 * written out, and that of an optional peer inside `try`, by which bundlers know that it may be missing.
 */
import nodeModule = require("node:module");

/**
 * The modules of the SDK, whose majors are optional peers. They are required, until the package's entry for `import`
 * puts other loaders here: an application that imports must get the copy of the SDK that it imports
 * itself, or its `McpError` is not the one that its server knows.
 *
 * @throws Error that says what to install.
 */
const sdk = {
  async server(): Promise<unknown> {
    try {
      return require("@modelcontextprotocol/sdk/server/mcp.js");
    } catch (cause) {
      return missingSdk(cause);
    }
  },
  async stdio(): Promise<unknown> {
    try {
      return require("@modelcontextprotocol/sdk/server/stdio.js");
    } catch (cause) {
      return missingSdk(cause);
    }
  },
  async validator(): Promise<unknown> {
    try {
      return require("@modelcontextprotocol/sdk/validation/ajv");
    } catch (cause) {
      return missingSdk(cause);
    }
  },
  /** SDK v2; `undefined` where it is not installed. */
  async v2(): Promise<unknown> {
    try {
      return require("@modelcontextprotocol/server");
    } catch (cause) {
      return undefinedWhereMissing(cause);
    }
  },
  /** The client of SDK v1 and its transports, module by module; `undefined` where it is not installed. */
  async clientV1(): Promise<unknown> {
    try {
      return [
        require("@modelcontextprotocol/sdk/client/index.js"),
        require("@modelcontextprotocol/sdk/client/sse.js"),
        require("@modelcontextprotocol/sdk/client/streamableHttp.js"),
      ];
    } catch (cause) {
      return undefinedWhereMissing(cause);
    }
  },
  /** The client of SDK v2 and its transports, which are one module; `undefined` where it is not installed. */
  async clientV2(): Promise<unknown> {
    try {
      return [require("@modelcontextprotocol/client")];
    } catch (cause) {
      return undefinedWhereMissing(cause);
    }
  },
};

/** Packages of the SDK that an application may do without. */
const SDK_PACKAGES = ["server", "client", "sdk"].map((name) => `@modelcontextprotocol/${name}`);

/** @throws the failure to load a package of the SDK, unless it is what is missing. */
function undefinedWhereMissing(cause: unknown): unknown {
  if (!SDK_PACKAGES.some((name) => isMissing(cause, name))) throw cause;
  return undefined;
}

/** Says what to install, also where the SDK is too old to have the part; any other failure to load it is passed on as it is. */
function missingSdk(cause: unknown): never {
  const { code, message } = cause as { code?: unknown; message?: unknown };
  // Something that the SDK requires in its turn may be what is missing.
  const isPart = /^Cannot find \w+ '[^']*@modelcontextprotocol[\\/]sdk/.test(String(message));
  if (!isPart && code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw cause;
  throw new Error(
    "MCPServer needs version 1 of the SDK: npm install @modelcontextprotocol/sdk@1. " +
      "With SDK v2 use createMcpRouter or createSseRouter.",
    { cause },
  );
}

/** The engine's versions this was tested with: a part of it is a draft that changes with minor ones. */
const OIDC_PROVIDER_RANGE = "@~9.13.3";

const passportJwt = (): unknown => require("passport-jwt");

const passportHeaderApiKey = (): unknown => require("passport-headerapikey");

const jwksRsa = (): unknown => require("jwks-rsa");

/** @throws Error that says what to install. */
function passportOAuth2(): unknown {
  try {
    return require("passport-oauth2");
  } catch (error) {
    throw toldWhatToInstall(error, "signIn", "passport-oauth2");
  }
}

/** @throws Error that says what to install. */
function oidcProvider(): unknown {
  try {
    return require("oidc-provider");
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (!(error instanceof TypeError) && code !== "ERR_VM_MODULE_LINK_FAILURE") {
      throw toldWhatToInstall(error, "signIn", "oidc-provider", OIDC_PROVIDER_RANGE);
    }
    // It is an ES module. Where a loader such as tsx hands this file in, Node 20 gives it a `require`
    // that takes none: it fails with a TypeError, or does not link what it has loaded.
    return nodeModule.createRequire(__filename)("oidc-provider");
  }
}

/**
 * Checks that {@link oidcProvider} will find it, without loading it: that takes half a second.
 *
 * @throws Error that says what to install.
 */
function findOidcProvider(): void {
  const name = "oidc-provider";
  try {
    require.resolve(name);
  } catch (error) {
    throw toldWhatToInstall(error, "signIn", name, OIDC_PROVIDER_RANGE);
  }
}

/** @throws Error that says what to install. */
function libsql(): unknown {
  try {
    return require("libsql/promise");
  } catch (error) {
    throw toldWhatToInstall(error, "FileStorage", "libsql");
  }
}

/** @throws Error that says what to install. */
function openTelemetryApi(): unknown {
  try {
    return require("@opentelemetry/api");
  } catch (error) {
    throw toldWhatToInstall(error, "express-mcp-sse/otel", "@opentelemetry/api");
  }
}

/** Names a peer that is missing; any other failure to load one is passed on as it is. */
function toldWhatToInstall(error: unknown, neededBy: string, peer: string, range = ""): unknown {
  if (!isMissing(error, peer)) return error;
  const install = `Run: npm install ${peer}${range}`;
  return new Error(`${neededBy} needs the package ${peer}. ${install}`, { cause: error });
}

function isMissing(error: unknown, peer: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // Something that the peer requires in its turn may be what is missing.
  const isPeer = [`'${peer}'`, `'${peer}/`].some((name) => String(message).includes(name));
  return isPeer && (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND");
}

export = {
  findOidcProvider,
  jwksRsa,
  libsql,
  missingSdk,
  oidcProvider,
  openTelemetryApi,
  passportHeaderApiKey,
  passportJwt,
  passportOAuth2,
  sdk,
  undefinedWhereMissing,
};
