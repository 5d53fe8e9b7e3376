/** Writes the tables of options into the documentation: `npm run docs:options`. */
import { readFileSync, writeFileSync } from "node:fs";
import { DOCUMENTS, withTables } from "./option-tables.js";

for (const path of DOCUMENTS) writeFileSync(path, withTables(readFileSync(path, "utf8")));
