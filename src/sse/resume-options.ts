export type { ResumeOptions } from "../options/resume-options.js";
