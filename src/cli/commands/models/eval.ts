import { createWriteStream } from 'node:fs';
import { cpus } from 'node:os';
import { finished } from 'node:stream/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Engine } from '../../../engines/engine.js';
import { engineSchema, loadEngine } from '../../../engines/engine-spec.js';
import { checkModelDigest } from '../../../models/folder.js';
import { isAdapterFolder } from '../../../models/lora/folder.js';
import { chatTemplateOf } from '../../../pipelines/plan/model.js';
import {
  accuracyInterval,
  countCorrect,
  type EvaluationItem,
  type JudgedAnswer,
  type SampledEvaluation,
  tally,
} from '../../../pipelines/running/evaluate.js';
import { messagesOf } from '../../../pipelines/spec/tasks.js';
import { newDisposers } from '../../../runs/disposers.js';
import { recordedDigestOf } from '../../../runs/weights/recorded.js';
import { readItems } from '../../../sources/file.js';
import { promptFiles } from '../../../sources/files.js';
import { type Mapping, mappingFields } from '../../../sources/mapping.js';
import { isBad, type SourceItem } from '../../../sources/source.js';
import { check } from '../../../support/check.js';
import { seedOf } from '../../../support/digest.js';
import { UserError } from '../../../support/errors.js';
import { createVerifier } from '../../../verifiers/create.js';
import {
  examples,
  jsonOption,
  nonNegativeInteger,
  nonNegativeNumber,
  positiveInteger,
  type Register,
} from '../../options.js';
import { print, say, toJson } from '../../output.js';
import { sampledText } from '../../summary-text.js';
import { modelUnder } from './adapter.js';

interface Options {
  readonly model: string;
  readonly base?: string;
  readonly engine: string;
  readonly prompts: string;
  readonly verify: string;
  readonly temperature: number;
  readonly samples: number;
  readonly maxTokens: number;
  readonly limit?: number;
  readonly seed: number;
  readonly system?: string;
  readonly template?: string;
  readonly fields?: string;
  readonly after?: string;
  readonly boxed?: boolean;
  readonly answers?: string;
  readonly json?: boolean;
}

export async function evaluateFile(options: Options): Promise<void> {
  const { samples, temperature } = options;
  if (samples > 1 && temperature === 0)
    throw new UserError(
      'bad-request',
      `--samples ${samples}: found --temperature 0, whose completions are all the same; expected one above 0`,
    );
  const items: SourceItem[] = [];
  let bad = 0;
  const report = (message: string) => {
    say(`rlsd: ${message}`);
    bad++;
  };
  const files = await promptFiles(options.prompts, process.cwd());
  for await (const found of readItems(files, mappingOf(options))) {
    if (items.length + bad === options.limit) break;
    if (isBad(found)) report(found.error.message);
    else items.push(found);
  }
  if (items.length === 0)
    throw new UserError(
      'no-prompts',
      `${options.prompts}: found no usable line, expected {"id","question","answer"} per line`,
    );
  const digest = await recordedDigestOf(options.model).catch((error) => unrecorded(options.model, error));
  const engine = await openEngine(options.engine);
  const [device = 'cpu'] = engine.capabilities.devices;
  const disposers = newDisposers();
  try {
    const spec = yamlOption('--verify', options.verify);
    const verifier = disposers.use(await createVerifier(spec, { where: '--verify' }));
    const workers = cpus().length;
    const folder = modelOf(options, engine);
    const template = chatTemplateOf(options.template, process.cwd());
    const policy = disposers.use(await engine.openPolicy({ folder, workers, device, ...(template && { template }) }));
    if (digest !== undefined && !policy.checksDigests) checkModelDigest(options.model, digest);
    await policy.load(0, options.model, digest);
    const { system, maxTokens, seed } = options;
    const draws = { samples, temperature };
    const answers = options.answers === undefined ? undefined : createWriteStream(options.answers);
    const counts = await countCorrect(policy, 0, items, verifier, {
      draws,
      maxTokens,
      seed: (itemId, sample) => seedOf(seed, 'eval', itemId, sample),
      messages: (item) => messagesOf({ prompts: { system } }, item),
      judged: (item, all) => {
        for (const line of answerLines(item, all)) answers?.write(`${line}\n`);
      },
      failed: ({ source }, error) => report(`${source}: ${error.message}`),
    });
    if (answers) await finished(answers.end());
    const result = tally(counts, draws);
    const interval = accuracyInterval(result);
    if (options.json) print(toJson({ event: 'summary', ...result, interval, ...(bad > 0 && { badLines: bad }) }));
    else print(summary(result, bad));
  } finally {
    await disposers.dispose();
  }
  if (bad > 0) process.exitCode = 2;
}

/** The folder that the engine opens: the model, or the one under an adapter. */
function modelOf({ model, base }: Options, { name, capabilities }: Engine): string {
  if (!isAdapterFolder(model)) {
    if (base !== undefined) throw new UserError('bad-request', `--base: ${model} is no adapter's folder`);
    return model;
  }
  if (!capabilities.adapters)
    throw new UserError('bad-request', `--engine: ${name} runs no adapters; expected an engine that does`);
  return base ?? modelUnder(model);
}

/** A run that cannot be opened any more may still be measured; that its weights were not compared is said. */
function unrecorded(model: string, error: unknown): undefined {
  if (!(error instanceof UserError) || error.code === 'not-published') throw error;
  say(`rlsd: warning: ${model}: its weights are not compared with the run's record: ${error.message}`);
}

function mappingOf({ fields, after, boxed }: Options): Mapping {
  const given = { fields: fields === undefined ? undefined : yamlOption('--fields', fields), after, boxed };
  return check(z.strictObject(mappingFields), given, '--fields');
}

/** One line per completion. */
function answerLines({ itemId }: EvaluationItem, answers: readonly JudgedAnswer[]): string[] {
  return answers.map(({ text, tokens, verdict, reward, reason }, sample) =>
    toJson({ id: itemId, sample, completion: text, tokens, verdict, reward, reason }),
  );
}

function summary(result: SampledEvaluation, bad: number): string {
  const left = bad === 0 ? '' : `; ${bad} ${bad === 1 ? 'line' : 'lines'} skipped`;
  const { samples, correct, n, accuracy } = result;
  const [low, high] = accuracyInterval(result).map((share) => (100 * share).toFixed(1));
  const interval = `95 % interval ${low} to ${high} %`;
  if (samples === 1) return `${correct} of ${n} correct: ${(100 * accuracy).toFixed(1)} % (${interval})${left}`;
  const counts = `${correct} of ${n * samples} completions of ${n} questions correct`;
  return `${counts}: ${sampledText(result)}; ${interval}${left}`;
}

/** An engine by name, or `{ module: FILE }` relative to the working directory. */
async function openEngine(text: string): Promise<Engine> {
  const spec = yamlOption('--engine', text);
  const parsed = engineSchema().safeParse(spec);
  if (!parsed.success)
    throw new UserError('bad-request', `--engine ${text}: expected the name of an engine, or { module: FILE }`);
  const engine = await loadEngine(parsed.data, process.cwd());
  if (!engine.capabilities.samples)
    throw new UserError(
      'bad-request',
      `--engine ${text}: ${engine.name} does not sample; expected an engine that does`,
    );
  return engine;
}

function yamlOption(option: string, text: string): unknown {
  try {
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    throw new UserError('bad-request', `${option} ${text}: ${(error as Error).message.split('\n')[0]}`);
  }
}

export const registerEval: Register = (rlsd) => {
  rlsd
    .command('eval')
    .description('measure the accuracy of a model on questions with answers')
    .requiredOption('--model <folder>', "model folder in Hugging Face layout, or an adapter's in PEFT's")
    .option('--base <folder>', "model under an adapter; default: its run's, or the one that the adapter names")
    .requiredOption('--prompts <file>', 'questions with answers: a file, folder or glob, as in a pipeline')
    .option('--fields <map>', 'columns of the fields, such as "{question: problem, answer: solution}"')
    .option('--after <text>', 'the answer is what follows the last of these, such as "####"')
    .option('--boxed', 'the answer is in the last \\boxed{}')
    .option('--engine <spec>', 'engine and settings, as in a pipeline: onnx, or "{module: engine.mjs}"', 'onnx')
    .option(
      '--verify <spec>',
      'verifier and settings, as in a pipeline: math, "{numeric: {tolerance: 0.01}}"',
      '{math: {}}',
    )
    .option('--temperature <t>', 'sampling temperature, from 0, which is greedy', nonNegativeNumber, 0)
    .option('--samples <n>', 'completions per question, for mean@n and pass@n, from 1', positiveInteger, 1)
    .option('--max-tokens <n>', 'maximum completion tokens, from 1', positiveInteger, 64)
    .option('--limit <n>', 'only the first n lines, from 1', positiveInteger)
    .option('--seed <n>', 'random seed, from 0', nonNegativeInteger, 0)
    .option('--system <text>', 'system message before each question')
    .option('--template <text>', "chat template in place of the model folder's: Jinja, or a file such as chat.jinja")
    .option('--answers <file>', 'write every completion with its verdict to a file, one JSON object per line')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples([
        'rlsd eval --model runs/a/weights/v000030 --prompts test.jsonl --max-tokens 256',
        'rlsd eval --model models/base --prompts test.jsonl --temperature 1 --samples 8 --answers answers.jsonl',
      ]),
    )
    .action(evaluateFile);
};
