/** The process that repeats what it hears over Redis; cluster.mjs talks to it. */
import { serve } from "./child.mjs";
import { echo } from "./redis.mjs";

serve({ echo });
