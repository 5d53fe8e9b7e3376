import { loadPeer } from "../../../strategies/shared/load-peer.js";
import type { Peer } from "../../../strategies/shared/load-peer.js";

test("a peer that is installed is loaded", () => {
  expect(loadPeer("passport-jwt", 'auth type "jwt"')).toHaveProperty("Strategy");
  expect(loadPeer("passport-headerapikey", "x")).toHaveProperty("HeaderAPIKeyStrategy");
  expect(loadPeer("jwks-rsa", "x")).toHaveProperty("JwksClient");
});

test("a peer that is missing is named, with who needs it and how to install it", () => {
  expect(() => loadPeer("passport-absent" as Peer, 'auth type "jwt"')).toThrow(
    'auth type "jwt" needs the package passport-absent. Run: npm install passport-absent',
  );
});
