import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { seedOf } from '../digest.js';
import { UserError } from '../errors.js';
import { evaluate } from '../pipelines/evaluate.js';
import { isBad, readItems, type SourceItem } from '../pipelines/source.js';
import { createOnnxPolicy } from '../policy/engines/onnx.js';
import { createVerifier } from '../verifiers/create.js';
import { print, say, toJson } from './output.js';

interface Options {
  readonly model: string;
  readonly prompts: string;
  readonly verify: string;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly limit?: number;
  readonly seed: number;
  readonly system?: string;
  readonly json?: boolean;
}

export async function evaluateFile(options: Options): Promise<void> {
  const items: SourceItem[] = [];
  let bad = 0;
  for await (const found of readItems(resolve(options.prompts))) {
    if (items.length === options.limit) break;
    if (isBad(found)) {
      say(`rlsd: ${found.error.message}`);
      bad++;
    } else items.push(found);
  }
  if (items.length === 0) throw new UserError('no-prompts', `${options.prompts}: no usable line`);
  const verifier = await createVerifier(parse(options.verify) as Record<string, unknown>);
  const policy = await createOnnxPolicy({ folder: options.model, workers: cpus().length, device: 'cpu' });
  try {
    await policy.load(0, options.model);
    const { system, temperature, maxTokens, seed } = options;
    const result = await evaluate(policy, 0, items, verifier, {
      temperature,
      maxTokens,
      seed: (itemId) => seedOf(seed, itemId, 'eval'),
      messages: (question) => [
        ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
        { role: 'user', content: question },
      ],
    });
    if (options.json) print(toJson({ event: 'summary', ...result, ...(bad > 0 && { badLines: bad }) }));
    else print(`${result.correct} of ${result.n} correct: ${(100 * result.accuracy).toFixed(1)} %`);
  } finally {
    await policy.close();
    await verifier.close();
  }
  if (bad > 0) process.exitCode = 2;
}
