import { examine } from "../../src/doctor/examine.js";
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

const title = "CLI-10: the doctor";
const describeIt = hasNginx ? describe : describe.skip;

describeIt(hasNginx ? title : `${title} (skipped: nginx is missing)`, () => {
  beforeAll(async () => {
    const front = new Front();
    for (const each of [...BROKEN, ...HEALTHY]) patients.set(each, await each.serve(front));
    await front.start();
  });

  it.each(BROKEN)("the finding of a server with $name is $finding", async (broken) => {
    const { findings } = await examine(targetOf(patients.get(broken)!));
    expect(findings.map(({ id }) => id)).toEqual([broken.finding]);
  });

  it.each(HEALTHY)("nothing is found of $name", async (healthy) => {
    const { findings } = await examine(targetOf(patients.get(healthy)!));
    expect(findings).toEqual([]);
  });
});
