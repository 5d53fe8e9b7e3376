import { examine } from "../../src/doctor/examine.js";
import type { Report } from "../../src/doctor/report.js";
import { cleanUpAfterAll } from "../kit/clean-up.js";
import { hasNginx } from "../kit/nginx.js";
import { targetOf } from "./broken/case.js";
import type { Case, Patient } from "./broken/case.js";
import { Front } from "./broken/front.js";
import { HEALTHY } from "./broken/healthy.js";
import { PROXIES } from "./broken/proxies.js";
import { PAGES, SERVERS } from "./broken/servers.js";

cleanUpAfterAll();

const BROKEN = [...PROXIES, ...SERVERS, ...PAGES];
const patients = new Map<Case, Patient>();
/** Of those that are slow on purpose: they wait at the same time. */
const begun = new Map<Case, Promise<Report>>();

/** What is found of a server. */
async function findingsOf(served: Case): Promise<Report["findings"]> {
  const report = begun.get(served) ?? examine(targetOf(patients.get(served)!));
  return (await report).findings;
}

const title = "CLI-10: the doctor";
const describeIt = hasNginx ? describe : describe.skip;

describeIt(hasNginx ? title : `${title} (skipped: nginx is missing)`, () => {
  beforeAll(async () => {
    const front = new Front();
    for (const each of [...BROKEN, ...HEALTHY]) patients.set(each, await each.serve(front));
    await front.start();
    for (const [each, patient] of patients) {
      if (patient.timeoutMs !== undefined) begun.set(each, examine(targetOf(patient)));
    }
  });

  it.each(BROKEN)("the finding of a server with $name is $finding", async (broken) => {
    const findings = await findingsOf(broken);
    expect(findings.map(({ id }) => id)).toEqual([broken.finding]);
  });

  it.each(HEALTHY)("nothing is found of $name", async (healthy) => {
    expect(await findingsOf(healthy)).toEqual([]);
  });
});
