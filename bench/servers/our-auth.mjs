/** What both forms of ours need: the `auth` option for each method, and a way to begin anew. */
import { BasicStrategy } from "passport-http";

const METHODS = {
  none: () => false,
  apikey: ({ apiKeys }) => ({ type: "apikey", options: { keys: apiKeys } }),
  hs256: ({ secret, issuer, audience }) => ({
    type: "jwt",
    options: { secret, algorithms: ["HS256"], issuer, audience },
  }),
  rs256: ({ publicKey, issuer, audience }) => ({
    type: "jwt",
    options: { publicKey, algorithms: ["RS256"], issuer, audience },
  }),
  oauth: ({ issuer, audience }) => ({
    type: "oauth",
    options: { issuerUrl: issuer, clientId: "bench", clientSecret: "bench", audience },
  }),
  basic: ({ users }, fromPassport) => basic(new Map(users), fromPassport),
};

/** A strategy from npm, as the README shows it, whose word counts for a while. */
function basic(passwords, fromPassport) {
  const strategy = new BasicStrategy((name, password, done) => {
    done(null, passwords.get(name) === password ? { name } : false);
  });
  return fromPassport(strategy, {
    challenge: 'Basic realm="bench"',
    // Its passwords do not change while it runs.
    remember: true,
    principal: (user) => ({ id: user.name }),
  });
}

/** @param fromPassport of the build that is measured. */
export function ourAuth(method, secrets, fromPassport) {
  return METHODS[method](secrets, fromPassport);
}

/** Ends the sessions that wait for their clients to come back. */
export function endAll(sessions) {
  for (const session of sessions.list()) session.close();
}
