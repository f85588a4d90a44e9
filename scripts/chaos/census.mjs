// Counts what a run has committed: every prompt and sample once in every topic, every step trained once on all of its
// samples, every version of the weights once and made from the one before.
import { fromRecord } from '../../dist/topics/record-codec.js';
import { scan } from '../../dist/topics/scan.js';

const sample = (record) => `${record.promptId} ${record.sampleIndex}`;

/** What may occur once in each topic. */
const identity = {
  prompts: (record) => String(record.sequence),
  rollouts: sample,
  verdicts: sample,
  'teacher-scores': sample,
  advantages: sample,
  metrics: (record) => (record.stage === 'learn' ? `step ${record.step}` : undefined),
  weights: (record) => String(record.version),
  'dead-letters': (record) => `${record.stage}: ${record.cause}: ${record.error}`,
};

/**
 * A census of one run; each `take` reads on from where the last one ended.
 * @param topics those of the plan
 */
export function newCensus(topics) {
  const seen = Object.fromEntries(Object.keys(identity).map((topic) => [topic, new Map()]));
  const next = new Map();
  const totals = { consumed: 0, newest: 0, parents: 0 };

  function count(topic, record) {
    const value = record.value === null ? undefined : fromRecord(topic, record);
    const id = value ? identity[topic](value) : `gap ${record.key}`;
    if (id === undefined) return;
    seen[topic].set(id, (seen[topic].get(id) ?? 0) + 1);
    if (topic === 'metrics') totals.consumed += value?.values.samples ?? 0;
    if (topic !== 'weights' || !value) return;
    totals.newest = Math.max(totals.newest, value.version);
    if (value.version > 0 && value.parent === value.version - 1) totals.parents++;
  }

  return {
    /** Counts of each topic, samples trained on, newest version, and versions that follow on the one before. */
    async take(log) {
      for (const { name, partitions } of topics)
        for (let partition = 0; name in identity && partition < partitions; partition++) {
          const place = `${name}/${partition}`;
          for await (const record of scan(log, name, partition, next.get(place) ?? 0n)) {
            count(name, record);
            next.set(place, record.offset + 1n);
          }
        }
      const counts = Object.fromEntries(
        Object.entries(seen).map(([topic, found]) => [
          topic,
          { distinct: found.size, twice: [...found.values()].filter((times) => times > 1).length },
        ]),
      );
      return { counts, ...totals, deadLetters: [...seen['dead-letters'].keys()] };
    },
  };
}

/** What a census says of a run in which nothing may be lost or repeated, however often its processes were killed. */
export function repeated({ counts, newest, parents, deadLetters }) {
  return [
    ...Object.entries(counts).flatMap(([topic, { twice }]) =>
      twice === 0 ? [] : [`${topic}: ${twice} records more than once`],
    ),
    ...(parents === newest ? [] : [`${parents} versions follow on the one before, expected ${newest}`]),
    ...deadLetters.map((found) => `dead letter of ${found}`),
  ];
}

/** The same, and what is missing where a pipeline has reached its last step. */
export function incomplete(found, { steps, learn, rollout }) {
  const prompts = steps * learn.prompts;
  const samples = prompts * rollout.group;
  const expected = {
    ...{ prompts, rollouts: samples, verdicts: samples, 'teacher-scores': samples, advantages: samples },
    ...{ metrics: steps, weights: steps + 1, 'dead-letters': 0 },
  };
  return [
    ...repeated(found),
    ...Object.entries(expected).flatMap(([topic, number]) =>
      found.counts[topic].distinct === number ? [] : [`${topic}: ${found.counts[topic].distinct} of ${number}`],
    ),
    ...(found.consumed === samples ? [] : [`${found.consumed} samples trained on, expected ${samples}`]),
  ];
}
