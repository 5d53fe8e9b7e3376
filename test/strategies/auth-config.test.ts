import { BasicStrategy } from "passport-http";
import { Authenticator } from "../../src/auth/authenticate.js";
import type { AuthMethod } from "../../src/auth/auth-method.js";
import { toAuthMethods } from "../../strategies/index.js";
import type { AuthConfig } from "../../strategies/auth-config.js";
import { jwt } from "../../strategies/jwt.js";
import { fromPassport } from "../../strategies/passport.js";
import { rsaKey, SECRET } from "../kit/tokens.js";

const KEY = "first-key-0123456789";
const jwtAuth = { type: "jwt", options: { secret: SECRET, algorithms: ["HS256"] } } as const;
const apiKeyAuth = { type: "apikey", options: { keys: [KEY] } } as const;
const basic = new BasicStrategy((_user, _password, done) => done(null, false));
const basicMethod = fromPassport(basic, { principal: () => ({ id: "x" }) });
const build = (config: unknown, path?: string) => toAuthMethods(config as AuthConfig, path);

describe("an auth configuration", () => {
  test("is one method or several, in their order", () => {
    expect(build(jwtAuth).map(({ name }) => name)).toEqual(["jwt"]);
    expect(build(basicMethod)).toEqual([basicMethod]);
    const several = build([apiKeyAuth, basicMethod, jwtAuth]);
    expect(several.map(({ name }) => name)).toEqual(["apikey", "basic", "jwt"]);
  });

  test("may hold methods that were built before, or from others", () => {
    const renamed = { ...jwt(jwtAuth.options), name: "jwt-of-old" };
    expect(build([jwtAuth, renamed]).map(({ name }) => name)).toEqual(["jwt", "jwt-of-old"]);
  });

  test("may hold a method that is an instance of a class", () => {
    class Method implements AuthMethod {
      readonly name = "own";
      readonly strategies = [basic];
      principal() {
        return { id: "x" };
      }
    }
    const method = new Method();
    expect(build([method])[0]).toBe(method);
    expect(new Authenticator(build(method)).methods).toEqual([method]);
  });
});

describe("an auth configuration that is wrong", () => {
  const { secret: _secret, ...withoutSecret } = jwtAuth.options;
  const cases: Record<string, [config: unknown, message: RegExp]> = {
    nothing: [undefined, /^auth must be an authentication method\. .* type of "jwt", "apikey"/],
    null: [null, /^auth must be an authentication method/],
    true: [true, /^auth must be an authentication method/],
    "a word": ["jwt", /^auth must be an authentication method\. Write \{ type, options \}/],
    "an empty list": [[], /^auth is an empty list\. .* write false/],
    "false in a list": [[jwtAuth, false], /^auth\[1\] must be an authentication method/],
    "a list in a list": [[[jwtAuth]], /^auth\[0\] must be an authentication method/],
    "an empty object": [{}, /^auth\.type is not a known type\. The types are "jwt", "apikey"/],
    "a type in other letters": [{ ...apiKeyAuth, type: "apiKey" }, /Did you mean "apikey"\?$/],
    "a type with a hyphen": [{ ...apiKeyAuth, type: "API-Key" }, /Did you mean "apikey"\?$/],
    "a type that is not there": [{ type: "saml", options: {} }, /The types are "jwt", "apikey"/],
    "a type of the prototype": [{ type: "constructor", options: {} }, /is not a known type/],
    "no options": [{ type: "jwt" }, /^auth\.options is missing\. Write \{ type, options/],
    "options beside the type": [{ type: "jwt", secret: SECRET }, /^auth\.secret is not an option/],
    "a wrong option": [{ type: "jwt", options: withoutSecret }, /^auth\.options has no key/],
    "a wrong option in a list": [
      [apiKeyAuth, { type: "jwt", options: { ...jwtAuth.options, secret: "" } }],
      /^auth\[1\]\.options\.secret must be a non-empty string/,
    ],
    "a Passport strategy": [basic, /^auth is a Passport strategy\. Write fromPassport/],
    "a method without a name": [{ ...basicMethod, name: "" }, /^auth\.name must be a non-empty/],
    "a method without strategies": [
      { ...basicMethod, strategies: [] },
      /^auth\.strategies must be a list/,
    ],
    "a method with a class as strategy": [
      [{ ...basicMethod, strategies: [BasicStrategy] }],
      /^auth\[0\]\.strategies must be a list of Passport strategies/,
    ],
    "a method without principal": [
      { ...basicMethod, principal: undefined },
      /^auth\.principal must be/,
    ],
    "a method with a wrong findCredential": [
      { ...basicMethod, findCredential: "x" },
      /^auth\.findCredential must be a function/,
    ],
    "several issuers, one of them unnamed": [
      [{ type: "jwt", options: { ...jwtAuth.options, issuer: "a" } }, apiKeyAuth, jwtAuth],
      /^auth\[2\]\.options\.issuer is missing, and there are several entries of type jwt/,
    ],
    "two strategies of one name": [
      [basicMethod, fromPassport(basic, { principal: () => ({ id: "x" }) })],
      /^auth\[1\] has the name "basic", as auth\[0\] has\. Give it a name of its own: /,
    ],
    "a strategy that is called like a type": [
      [jwtAuth, fromPassport(basic, { name: "jwt", principal: () => ({ id: "x" }) })],
      /^auth\[1\] has the name "jwt", as auth\[0\] has/,
    ],
    "a strategy before a type that it is called like": [
      [
        fromPassport(basic, { name: "jwt", principal: () => ({ id: "x" }) }),
        { type: "jwt", options: { ...jwtAuth.options, issuer: "a" } },
      ],
      /^auth\[0\] has the name "jwt", as auth\[1\] has/,
    ],
    "two lists of API keys": [[apiKeyAuth, apiKeyAuth], /^auth\[1\] has the name "apikey"/],
    "two methods of type jwt without issuers": [
      [jwt(jwtAuth.options), jwt(jwtAuth.options)],
      /^auth\[1\] has the name "jwt", as auth\[0\] has/,
    ],
    "a type beside a method that was built before": [
      [{ type: "jwt", options: { ...jwtAuth.options, issuer: "a" } }, jwt(jwtAuth.options)],
      /^auth\[1\] has the name "jwt", as auth\[0\] has/,
    ],
  };

  test.each(Object.entries(cases))(
    "%s: a TypeError says what to write",
    (_what, [config, message]) => {
      expect(() => build(config)).toThrow(TypeError);
      expect(() => build(config)).toThrow(message);
    },
  );

  test("is called as the caller calls it", () => {
    expect(() => build([], "transport.options.auth")).toThrow(
      /^transport\.options\.auth is an empty/,
    );
  });
});

test("tokens of several issuers are accepted when each is named", () => {
  const { publicPem } = rsaKey("rsa-1");
  const other = { publicKey: publicPem, algorithms: ["RS256"], issuer: "b" } as const;
  const methods = toAuthMethods([
    { type: "jwt", options: { ...jwtAuth.options, issuer: "a" } },
    { type: "jwt", options: other },
  ]);
  expect(methods).toHaveLength(2);
  // Also one issuer by two keys, while it changes them.
  const options = { ...jwtAuth.options, issuer: "a" };
  expect(build([{ type: "jwt", options }, jwt(options)])).toHaveLength(2);
});
