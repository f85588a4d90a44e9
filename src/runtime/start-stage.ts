import type { TopicRecords } from '../records/records.js';
import type { TopicName } from '../topics/record-codec.js';
import { collector } from './collect.js';
import { committer } from './committer.js';
import { outcomesOf } from './outcome.js';
import type { RunningStage, Stage, StageEnvironment, StageStats } from './stage.js';
import type { Work } from './window.js';

/**
 * Runs a stage: reads its topic within its credit, collects units, runs the operator on each, and commits outputs and offsets
 * together. What was not committed is done again after a crash; records of a step that is past are passed over.
 */
export async function startStage<In extends TopicName, Out extends TopicName>(
  stage: Stage<In, Out>,
  environment: StageEnvironment,
): Promise<RunningStage> {
  type Input = TopicRecords[In];
  const topic = stage.inputTopic ?? stage.input;
  const { log, observer } = environment;
  const abort = new AbortController();
  const stats: StageStats = {
    records: 0,
    outputs: 0,
    deadLetters: 0,
    retries: 0,
    inFlight: 0,
    running: 0,
    waiting: false,
    committing: false,
    seconds: 0,
  };
  /** Units at work, those of partitions that were taken away among them. */
  const active = new Set<Work<Input>>();
  const lost = new Set<number>();
  let begun = false;
  let changed = () => {};
  let fail = (_: unknown) => {};

  const consumer = await log.consumer(stage.name, [topic]);
  const outcomes = outcomesOf(stage, environment, stats, abort.signal);
  const units = collector(stage, outcomes);
  const commits = committer<Input>({
    stage,
    topic,
    consumer,
    stats,
    observer,
    changed: () => changed(),
    forgotten(work) {
      // Work that waits for newer weights must not keep others from their turn once its outcome is of no use.
      if (!work.revoked && active.has(work)) stats.running--;
      work.revoked = true;
      units.drop(work);
    },
  });
  consumer.onRevoked((partitions) => {
    begun = false;
    for (const { partition } of partitions) {
      lost.add(partition);
      commits.forget(partition);
    }
    observer?.revoked(stage.name, partitions);
  });

  const change = () =>
    new Promise<void>((resolve) => {
      changed = resolve;
    });

  const begin = async () => {
    if (begun || !stage.begin || consumer.assigned().length === 0) return;
    while (active.size > 0 && !abort.signal.aborted) await change();
    begun = true;
    await stage.begin();
  };

  const pump = async () => {
    while (!abort.signal.aborted) {
      const free = stage.credit - stats.inFlight;
      if (free <= 0) {
        if (stats.running === 0 && units.waiting() === 0 && !stats.committing)
          throw new Error(`stage ${stage.name}: its credit of ${stage.credit} records is full of incomplete groups`);
        stats.waiting = true;
        await change();
        stats.waiting = false;
        continue;
      }
      await begin();
      stats.waiting = true;
      const records = await consumer.poll(Math.min(free, 512), 1000, abort.signal);
      stats.waiting = false;
      lost.clear();
      await begin();
      // What was taken away while the stage began comes again to whoever has it now.
      for (const record of records) if (!lost.has(record.partition)) commits.admit(units.collect(record));
      startWork();
      if (records.length > 0) commits.commit().catch(fail);
    }
  };

  const startWork = () => {
    while (stats.running < stage.concurrency) {
      const work = units.next();
      if (!work) return;
      stats.running++;
      active.add(work);
      outcomes
        .run(work)
        .catch((error) => {
          if (!work.revoked) throw error;
        })
        .then(() => {
          work.finished = true;
          active.delete(work);
          if (!work.revoked) stats.running--;
          startWork();
          return commits.commit();
        })
        .catch(fail);
    }
  };

  const ended = new Promise<void>((resolve, reject) => {
    fail = reject;
    pump().then(resolve, reject);
  });
  ended.catch(() => {
    abort.abort();
    changed();
  });

  return {
    name: stage.name,
    stats,
    ended,
    async stop() {
      abort.abort();
      changed();
      await ended.catch(() => {});
      await consumer.close();
    },
  };
}
