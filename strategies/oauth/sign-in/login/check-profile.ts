import { unusable } from "../../../shared/upstream-error.js";
import type { SignInProfile } from "../storage/login.js";

/** A profile from a function of the operator's. */
export function checkProfile(profile: SignInProfile | undefined): SignInProfile {
  const { id } = (profile as Partial<SignInProfile> | undefined) ?? {};
  // Some providers number their users; a number would be another key than its text.
  if (profile !== undefined && typeof id === "string" && id !== "") return profile;
  throw unusable("profile() and principal() must return { id }, a text that is not empty");
}
