/** Express and the SDK's transport behind passport-jwt, as its README shows it: the key is a string. */
import passport from "passport";
import { ExtractJwt, Strategy } from "passport-jwt";
import { notifyAll } from "./echo-tool.mjs";
import { listen } from "./listen.mjs";
import { createApp } from "./sdk-express.mjs";

export async function start({ secrets }) {
  const { issuer, audience, secret } = secrets;
  const strategy = new Strategy(
    {
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKey: secret,
      algorithms: ["HS256"],
      issuer,
      audience,
    },
    (payload, done) => done(null, { id: payload.sub }),
  );
  passport.use(strategy);
  const guard = passport.authenticate("jwt", { session: false });
  return { port: await listen(createApp(guard)), notifyAll };
}
