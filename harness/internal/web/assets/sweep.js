export function startSweep() {}
