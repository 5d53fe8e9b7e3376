import { sign } from "node:crypto";
import { ecKeyPair } from "./key-pairs.js";

/** A certificate that its owner signed, and its key. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/**
 * Makes a certificate for a name, valid from 2020 to 2049.
 *
 * @see RFC 5280, section 4.1
 */
export function selfSigned(name: string): Certificate {
  const { publicKey, privateKey } = ecKeyPair();
  const algorithm = sequence(ECDSA_WITH_SHA256);
  const holder = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
  const validity = sequence(utcTime("200101000000Z"), utcTime("491231235959Z"));
  const content = sequence(
    der(0x02, Buffer.from([1])),
    algorithm,
    holder,
    validity,
    holder,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", content, privateKey)]);
  const base64 = sequence(content, algorithm, der(0x03, signature)).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}

/** Identifiers, as they are encoded: 1.2.840.10045.4.3.2 and 2.5.4.3. */
const ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");
const COMMON_NAME = Buffer.from("0603550403", "hex");

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function utcTime(text: string): Buffer {
  return der(0x17, Buffer.from(text));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
