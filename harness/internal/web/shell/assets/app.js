// What every page needs; the scripts of the pages start themselves. Each part takes care of one thing, and listens on the
// document, so that parts of a page can be replaced at any time.
import { startLive } from "./live.js";
import { startKeys } from "./keys.js";
import { startForms } from "./forms.js";
import { startPlots } from "./plot.js";

startForms();
startKeys();
startPlots();
startLive();
