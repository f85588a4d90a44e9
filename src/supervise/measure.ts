import type { Policy } from '../engines/policy.js';
import type { ChatTemplate } from '../models/chat-template.js';
import { countCorrect, tally } from '../pipelines/running/evaluate.js';
import { messagesOf } from '../pipelines/spec/tasks.js';
import type { Message } from '../records/records.js';
import type { PromptSource, SourceItem } from '../sources/source.js';
import { get } from '../support/required.js';
import type { Verifier } from '../verifiers/verifier.js';
import { type Demonstration, type Demonstrator, encode } from './demonstrations.js';
import type { SuperviseSpec } from './spec.js';

/** How well a model does on held-out prompts of one kind. */
export interface Measurement {
  /** Mean cross-entropy of the demonstrations, in nats per token; of hints of another prompt there is none. */
  readonly loss?: number;
  /** Share of the prompts that it answers right greedily, where the file has `verify`. */
  readonly accuracy?: number;
}

export interface HeldOutReport {
  /** Held-out prompts. */
  readonly n: number;
  readonly plain: Measurement;
  /** With the prompt's own hint. */
  readonly hinted?: Measurement;
  /** With the hint of another prompt. Above `plain`, a control with shuffled context still helps. */
  readonly shuffled?: Measurement;
}

export interface Measured {
  readonly spec: SuperviseSpec;
  readonly policy: Policy;
  readonly template: ChatTemplate;
  readonly demonstrator: Demonstrator;
  readonly source: Pick<PromptSource, 'heldOut'>;
  readonly verifier: Verifier | undefined;
  /** Told of each held-out prompt that could not be asked or judged. */
  readonly failed: (message: string) => void;
}

/** Measures version 0 of the policy on the held-out prompts. */
export async function measure(measured: Measured): Promise<HeldOutReport> {
  const { spec, demonstrator, source } = measured;
  const { heldOut } = source;
  const { plain, hinted, hintedMessages } = demonstrator;
  const others = otherHints(heldOut);
  return {
    n: heldOut.length,
    plain: {
      loss: await lossOf(measured, heldOut.map(plain)),
      ...(await accuracyOf(measured, heldOut, (item) => messagesOf(spec, item))),
    },
    ...(hinted && {
      hinted: {
        loss: await lossOf(measured, heldOut.map(hinted)),
        ...(await accuracyOf(measured, heldOut, (item) => hintedMessages(item))),
      },
      ...(others && {
        shuffled: await accuracyOf(measured, heldOut, (item) => hintedMessages(item, get(others, item))),
      }),
    }),
  };
}

/** For each prompt another one whose trace, and answer if any, differ; undefined where one has none. */
function otherHints(items: readonly SourceItem[]): ReadonlyMap<SourceItem, SourceItem> | undefined {
  const others = new Map<SourceItem, SourceItem>();
  for (const [i, item] of items.entries()) {
    const after = [...items.slice(i + 1), ...items.slice(0, i)];
    const other = after.find(({ trace, answer }) => trace !== item.trace && (answer === '' || answer !== item.answer));
    if (!other) return undefined;
    others.set(item, other);
  }
  return others;
}

async function lossOf({ policy, template }: Measured, demonstrations: readonly Demonstration[]): Promise<number> {
  const scores = await Promise.all(
    demonstrations.map((one) => {
      const { tokens, from } = encode(one, template, policy.contextLength);
      return policy.score(0, { tokens, from, temperature: 1 });
    }),
  );
  const tokens = scores.reduce((sum, { length }) => sum + length, 0);
  return scores.reduce((sum, one) => sum - one.reduce((total, logprob) => total + logprob, 0), 0) / tokens;
}

async function accuracyOf(
  { spec, policy, verifier, failed }: Measured,
  items: readonly SourceItem[],
  messages: (item: SourceItem) => readonly Message[],
): Promise<Pick<Measurement, 'accuracy'>> {
  if (!verifier) return {};
  const { maxTokens, stop } = spec.evaluate;
  const byId = new Map(items.map((item) => [item.itemId, item]));
  const draws = { samples: 1, temperature: 0 };
  const counts = await countCorrect(policy, 0, items, verifier, {
    maxTokens,
    draws,
    ...(stop && { stop }),
    messages: ({ itemId }) => messages(get(byId, itemId)),
    failed: ({ source }, { message }) => failed(`${source}: ${message}`),
  });
  return { accuracy: tally(counts, draws).accuracy };
}
