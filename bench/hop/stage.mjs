// The hop as a stage of this package: records are decoded, go through an operator that changes nothing, and are encoded
// again.
import { identity } from 'rxjs';
import { startStage } from '../../dist/runtime/start-stage.js';
import { openKafka } from '../../dist/topics/kafka/index.js';
import { runPasses } from './passes.mjs';

await runPasses(async ({ brokers, topic, target, records, size }, group, clock) => {
  const log = await openKafka({ brokers: [...brokers] });
  let moved = 0;
  let transactions = 0;
  let finish;
  const done = new Promise((resolve) => {
    finish = resolve;
  });
  /** @type {import('../../dist/runtime/stage.js').Stage<'verdicts', 'verdicts'>} */
  const copy = {
    name: group,
    input: 'verdicts',
    output: 'verdicts',
    inputTopic: topic,
    outputTopic: target,
    unit: 'record',
    credit: size,
    concurrency: size,
    operator: () => identity,
    begin: async () => clock.begin(),
  };
  const observer = {
    unit() {},
    revoked() {},
    committed(_, __, appends) {
      moved += appends;
      transactions++;
      if (moved >= records) finish(clock.end());
    },
  };
  const stage = await startStage(copy, { log, run: 'bench', attempts: 1, now: Date.now, observer });
  await Promise.race([done, stage.ended]);
  await stage.stop();
  await log.close();
  return transactions;
});
