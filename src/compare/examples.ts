import { stagesWith } from '../pipelines/plan/plan.js';
import { type ShownToken, showSample } from '../replay/sample.js';
import { withRunFolder } from '../runs/inspect/run-folder.js';
import { get, required } from '../support/required.js';
import { recordsOf } from '../topics/scan.js';
import type { RunResult } from './result.js';

/** How one arm credits a completion. */
export interface CreditedSample {
  readonly arm: string;
  readonly seed: number;
  readonly folder: string;
  readonly sampleIndex: number;
  readonly policyVersion: number;
  readonly advantage: number | null;
  /** The token in which the first error begins, where that is known. */
  readonly firstError: number | null;
  readonly tokens: readonly ShownToken[];
}

/** A right or wrong completion of one prompt in every arm. At step 0 all arms have sampled the same one. */
export interface CreditExample {
  readonly promptId: string;
  readonly question: string;
  readonly step: number;
  readonly verdict: Verdict;
  readonly samples: readonly CreditedSample[];
}

type Verdict = 'correct' | 'incorrect';

/** Samples of a prompt by verdict. */
interface Judged extends Readonly<Record<Verdict, number[]>> {
  readonly step: number;
}

/**
 * Completions with the credit of their tokens, from each arm's run of one seed: a right and a wrong one of the first
 * prompt, and of the last, that has both in every arm.
 * @param results one run per arm
 */
export async function creditExamples(results: readonly RunResult[]): Promise<readonly CreditExample[]> {
  const judged = new Map<RunResult, ReadonlyMap<string, Judged>>();
  for (const result of results) judged.set(result, await judgedPrompts(result.folder));
  const [first] = judged.values();
  const isMixed = (prompt: string) => [...judged.values()].every((prompts) => mixed(prompts.get(prompt)));
  const prompts = [...(first ?? new Map<string, Judged>())].filter(([prompt]) => isMixed(prompt));
  const chosen = new Set([prompts[0], prompts.at(-1)].flatMap((prompt) => (prompt ? [prompt] : [])));
  const examples: CreditExample[] = [];
  for (const [promptId, { step }] of chosen)
    for (const verdict of ['correct', 'incorrect'] as const) {
      const shown = [];
      for (const result of results) {
        const indexes = results.map((one) => get(get(judged, one), promptId)[verdict]);
        const common = indexes[0]?.find((index) => indexes.every((list) => list.includes(index)));
        const index = common ?? required(get(get(judged, result), promptId)[verdict][0], `${verdict} sample`);
        shown.push(await creditedSample(result, `${promptId}/${index}`));
      }
      const question = shown[0]?.question ?? '';
      examples.push({ promptId, question, step, verdict, samples: shown.map(({ sample }) => sample) });
    }
  return examples;
}

const mixed = (prompt: Judged | undefined): boolean =>
  prompt !== undefined && prompt.correct.length > 0 && prompt.incorrect.length > 0;

/** In the order of the steps. */
function judgedPrompts(folder: string): Promise<ReadonlyMap<string, Judged>> {
  return withRunFolder(folder, async ({ log, plan }) => {
    const prompts = new Map<string, Judged>();
    const topic = stagesWith(plan, 'trainer')[0]?.input;
    for await (const { promptId, step, sampleIndex, verdict } of recordsOf(log, 'advantages', () => true, topic)) {
      const judged = prompts.get(promptId) ?? { step, correct: [], incorrect: [] };
      prompts.set(promptId, judged);
      if (verdict === 'correct' || verdict === 'incorrect') judged[verdict].push(sampleIndex);
    }
    for (const { correct, incorrect } of prompts.values())
      for (const list of [correct, incorrect]) list.sort(ascending);
    return new Map([...prompts].sort(([, a], [, b]) => a.step - b.step));
  });
}

const ascending = (a: number, b: number): number => a - b;

function creditedSample({ arm, seed, folder }: RunResult, id: string) {
  return withRunFolder(folder, async (run) => {
    const { prompt, sampleIndex, policyVersion, advantage, firstError, tokens } = await showSample(run, folder, id);
    const sample = { arm, seed, folder, sampleIndex, policyVersion, advantage, firstError, tokens };
    return { question: prompt.findLast(({ role }) => role === 'user')?.content ?? '', sample };
  });
}
