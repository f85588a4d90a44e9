import { float32Array } from '../../records/arrays.js';
import type { Advantage } from '../../records/records.js';
import { at } from '../../support/required.js';
import type { TopicLog } from '../../topics/log.js';
import { recordsOf, scanInOrder } from '../../topics/scan.js';
import { type Agreement, agreementMeter } from './agreement.js';

export interface Change<T> {
  readonly was: T;
  readonly is: T;
}

/** One sample as recorded and as replayed. */
export interface SampleDifference {
  readonly promptId: string;
  readonly sampleIndex: number;
  readonly step: number;
  readonly verdict: Change<string>;
  readonly reward: Change<number>;
  readonly advantage: Change<number>;
  /** Mean absolute difference of the token advantages of the completion. */
  readonly tokenAdvantages: number;
}

/** The samples of two runs in sum. */
export interface SampleTotals {
  readonly samples: number;
  /** Samples that only the recorded run shaped (`was`), or only the replay (`is`). */
  readonly unmatched: Change<number>;
  readonly verdictsChanged: number;
  readonly rewardsChanged: number;
  readonly advantages: Agreement;
  readonly tokenAdvantages: Agreement;
  /** The first sample whose token advantages differ; null where none does. */
  readonly firstChange: Pick<SampleDifference, 'promptId' | 'sampleIndex' | 'step'> | null;
}

/**
 * Compares the advantages of a recorded run with those of a replay.
 * @param onSample called for each sample that both have, in the order of the replay
 */
export async function diffSamples(
  was: TopicLog,
  is: TopicLog,
  onSample: (difference: SampleDifference) => void,
): Promise<SampleTotals> {
  const replayed = new Set<string>();
  for await (const { key } of scanInOrder(is, 'prompts')) replayed.add(key);
  const recorded = lookAhead(recordsOf(was, 'advantages', ({ key }) => replayed.has(key)));
  const totals = sampleTotals();
  let onlyReplayed = 0;
  for await (const after of recordsOf(is, 'advantages')) {
    const before = await recorded.take(idOf(after));
    if (before) onSample(totals.add(before, after));
    else onlyReplayed++;
  }
  return { ...totals.result(), unmatched: { was: await recorded.rest(), is: onlyReplayed } };
}

const idOf = ({ promptId, sampleIndex }: Advantage): string => `${promptId}/${sampleIndex}`;

/** Finds records of a stream by id. Both runs have nearly the same order, so few records wait in memory. */
function lookAhead(records: AsyncGenerator<Advantage>) {
  const waiting = new Map<string, Advantage>();
  return {
    async take(id: string): Promise<Advantage | undefined> {
      while (!waiting.has(id)) {
        const next = await records.next();
        if (next.done) return undefined;
        waiting.set(idOf(next.value), next.value);
      }
      const found = waiting.get(id);
      waiting.delete(id);
      return found;
    },
    /** The number of records that nobody took; ends the stream. */
    async rest(): Promise<number> {
      let count = waiting.size;
      for await (const _ of records) count++;
      return count;
    },
  };
}

function sampleTotals() {
  const [ofSamples, ofTokens] = [agreementMeter(), agreementMeter()];
  const counts = { samples: 0, verdictsChanged: 0, rewardsChanged: 0 };
  let firstChange: SampleTotals['firstChange'] = null;
  return {
    add(was: Advantage, is: Advantage): SampleDifference {
      const { promptId, sampleIndex, step } = is;
      const changed = Buffer.compare(was.tokenAdvantages, is.tokenAdvantages) !== 0;
      if (changed && (firstChange === null || step < firstChange.step)) firstChange = { promptId, sampleIndex, step };
      ofSamples.add(was.advantage, is.advantage);
      counts.samples++;
      counts.verdictsChanged += was.verdict === is.verdict ? 0 : 1;
      counts.rewardsChanged += was.reward === is.reward ? 0 : 1;
      return {
        promptId,
        sampleIndex,
        step,
        verdict: { was: was.verdict, is: is.verdict },
        reward: { was: was.reward, is: is.reward },
        advantage: { was: was.advantage, is: is.advantage },
        tokenAdvantages: addTokens(was, is, ofTokens.add),
      };
    },
    result: () => ({ ...counts, advantages: ofSamples.result(), tokenAdvantages: ofTokens.result(), firstChange }),
  };
}

/**
 * Adds the token advantages of a sample pair by pair; a token that one side lacks counts as 0 there, since a replay
 * from
 * `prompts` may sample a completion of another length.
 * @returns their mean absolute difference
 */
function addTokens(was: Advantage, is: Advantage, add: (was: number, is: number) => void): number {
  const [before, after] = [float32Array(was.tokenAdvantages), float32Array(is.tokenAdvantages)];
  let distance = 0;
  for (const [t, value] of after.entries()) {
    const recorded = t < before.length ? at(before, t) : 0;
    add(recorded, value);
    distance += Math.abs(value - recorded);
  }
  return distance / Math.max(1, after.length);
}
