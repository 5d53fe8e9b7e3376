/** Writes the tables of clients into the documentation: `npm run docs:clients`. */
import { readFileSync, writeFileSync } from "node:fs";
import { CLIENTS_PAGE, withClientTables } from "./outcomes.js";

writeFileSync(CLIENTS_PAGE, withClientTables(readFileSync(CLIENTS_PAGE, "utf8")));
