// What every page needs. Each part takes care of one thing, and listens on the
// document, so that parts of a page can be replaced at any time.
import { startLive } from "./live.js";
import { startKeys } from "./keys.js";
import { startForms } from "./forms.js";
import { startPlots } from "./plot.js";
import { startCompare } from "./compare.js";
import { startSweep } from "./sweep.js";
import { startRun } from "./run.js";
import { startRuns } from "./runs.js";

startForms();
startKeys();
startPlots();
startCompare();
startSweep();
startRun();
startRuns();
startLive();
