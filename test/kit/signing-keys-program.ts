/** Makes so many signing keys that the garbage collector comes in the midst of some. */
import { generateSigningKey } from "../../strategies/oauth/options/signing-key.js";

for (let count = 0; count < 4_000; count++) generateSigningKey();
