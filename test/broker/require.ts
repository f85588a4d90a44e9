import { brokerMissing } from './broker.mjs';

const missing = await brokerMissing();
if (missing) {
  if (process.env.CI) throw new Error(missing);
  console.warn(`skipped: ${missing}`);
}

/** Suites that need a broker: `describe.skipIf(noBroker)`. With CI set, a missing broker is a failure instead. */
export const noBroker = missing !== undefined;
