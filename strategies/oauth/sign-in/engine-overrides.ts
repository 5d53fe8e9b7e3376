/** What oidc-provider does by itself, and we do in another way; it has no option for either. */
import type * as OidcModule from "oidc-provider";
import type { Provider } from "oidc-provider";
import type { KeyRing } from "./storage/key-ring.js";

/**
 * Lets every URL begin with the issuer, and cookies be sent over the issuer's scheme.
 *
 * Security decision: the engine would take host and scheme from the request, where a stranger may
 * have written them; behind a proxy they are not those that browsers see, either.
 */
export function fixUrls(provider: Provider, issuer: string): void {
  const { protocol } = new URL(issuer);
  const { prototype } = provider.OIDCContext as unknown as { prototype: object };
  Object.defineProperty(prototype, "urlFor", {
    value: (name: string, options?: Record<string, string>) => provider.urlFor(name, options),
  });
  provider.use(async (ctx, next) => {
    Object.defineProperty(ctx.request, "protocol", { value: protocol.slice(0, -1) });
    await next();
  });
}

/**
 * Lets each refresh token have one successor: whoever sends one again gets the same new one.
 *
 * Security decision: with a new random one for each request, a thief who is as fast as the client
 * would have a line of tokens of their own, and nobody would notice. So the successor is the token's
 * MAC, with a key that only this server has: nobody else can tell it from the token, and no second
 * one has to be kept.
 *
 * @param Engine The class of `provider`, which knows the request that is being answered.
 */
export function nameRefreshTokens(
  Engine: Pick<typeof OidcModule.Provider, "ctx">,
  provider: Provider,
  keys: KeyRing,
): void {
  const { prototype } = provider.RefreshToken as unknown as { prototype: NamesItself };
  const generate = prototype.generateTokenId;
  Object.defineProperty(prototype, "generateTokenId", {
    value(this: NamesItself): string {
      const used = Engine.ctx?.oidc.entities.RotatedRefreshToken?.jti;
      const [successor] = used === undefined ? [] : keys.macs("refresh token", used);
      return successor ?? generate.call(this);
    },
  });
}

/** A token of the engine, before it has an id. */
interface NamesItself {
  readonly generateTokenId: (this: NamesItself) => string;
}
