import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { chainSum } from './tasks/chain-sum.js';

/** One task with all that is known of it. Only `question` reaches the student. */
export interface SourceItem {
  readonly itemId: string;
  readonly question: string;
  readonly answer: string;
  readonly data: string | null;
  readonly trace: string | null;
  /** Where it came from: `file:line` or the generator's name. */
  readonly source: string;
}

/** A line that is no task. */
export interface BadLine {
  readonly source: string;
  readonly error: UserError;
}

/** What is at a position of the source: positions count from 0, each is the same for ever. */
export interface Positioned {
  readonly position: bigint;
  /** How often the source had been gone through before. */
  readonly pass: number;
  readonly found: SourceItem | BadLine;
}

/** Where prompts come from: an endless stream, and the items that are kept out of it. */
export interface PromptSource {
  from(position: bigint): AsyncIterable<Positioned>;
  readonly heldOut: readonly SourceItem[];
  /** Content hash of the file, or name of the generator. */
  readonly hash: string;
}

export const isBad = (found: SourceItem | BadLine): found is BadLine => 'error' in found;

/** Which prompts a pipeline reads. */
export interface SourceSpec {
  readonly seed: number;
  readonly prompts: { readonly heldOut: number } & ({ readonly generate: string } | { readonly file: string });
}

/** @throws {UserError} when the file is missing or holds nothing that can be trained on */
export async function openSource(spec: SourceSpec, folder: string): Promise<PromptSource> {
  const { prompts, seed } = spec;
  if ('generate' in prompts) return generated(seed, prompts.heldOut);
  return fileSource(resolve(folder, prompts.file), prompts.heldOut);
}

function generated(seed: number, heldOut: number): PromptSource {
  const item = (index: number, isHeldOut: boolean): SourceItem => {
    const { itemId, question, answer, trace } = chainSum({ seed, index, heldOut: isHeldOut });
    return { itemId, question, answer, trace, data: null, source: 'chain-sum' };
  };
  return {
    async *from(position) {
      for (let at = position; ; at++) yield { position: at, pass: 0, found: item(Number(at), false) };
    },
    hash: 'chain-sum',
    heldOut: Array.from({ length: heldOut }, (_, index) => item(index, true)),
  };
}

const lineSchema = z.looseObject({
  id: z.union([z.string().min(1), z.number()]).transform(String),
  question: z.string().min(1),
  answer: z.union([z.string(), z.number()]).transform(String).default(''),
  trace: z.string().optional(),
  data: z.unknown().optional(),
});

/**
 * One line of a prompts file.
 * @throws {UserError} `bad-prompt-line`: file, line, field, found, expected.
 */
export function parsePromptLine(line: string, source: string): SourceItem {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    // The parser's own message quotes the line, which may hold what is privileged.
    const at = /position (\d+)/.exec((error as Error).message)?.[1];
    const column = at === undefined ? '' : `:${Number(at) + 1}`;
    throw new UserError('bad-prompt-line', `${source}${column}: not JSON, expected {"id", "question", "answer"}`);
  }
  const result = lineSchema.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = issue?.path.join('.') || 'the line';
    throw new UserError('bad-prompt-line', `${source}: ${field}: ${issue?.message}`);
  }
  const { id, question, answer, trace, data } = result.data;
  return {
    itemId: id,
    question,
    answer,
    trace: trace ?? null,
    data: data === undefined ? null : JSON.stringify(data),
    source,
  };
}

/** The items and bad lines of a file, blank lines left out. An id that was there before makes a line bad. */
export async function* readItems(file: string): AsyncGenerator<SourceItem | BadLine> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new UserError('no-file', `${file}: no such file`);
  const seen = new Map<string, number>();
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    // Some editors begin a file with a byte order mark.
    const line = number++ === 0 ? text.replace(/^\uFEFF/, '') : text;
    if (line.trim() === '') continue;
    const source = `${basename(file)}:${number}`;
    try {
      const item = parsePromptLine(line, source);
      const before = seen.get(item.itemId);
      if (before !== undefined)
        throw new UserError('bad-prompt-line', `${source}: id: found ${item.itemId} again, first on line ${before}`);
      seen.set(item.itemId, number);
      yield item;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      yield { source, error };
    }
  }
}

async function fileSource(file: string, heldOutCount: number): Promise<PromptSource> {
  const ranked: { rank: string; item: SourceItem }[] = [];
  let lines = 0;
  let items = 0;
  for await (const found of readItems(file)) {
    lines++;
    if (isBad(found)) continue;
    items++;
    ranked.push({ rank: digest('held-out', found.question), item: found });
    if (ranked.length >= 2 * heldOutCount + 1024) keepLowest(ranked, heldOutCount);
  }
  keepLowest(ranked, heldOutCount);
  if (items <= heldOutCount)
    throw new UserError(
      'no-prompts',
      `${file}: found ${items} usable prompts in ${lines} lines, expected more than the ${heldOutCount} held out`,
    );
  const heldOut = ranked.map(({ item }) => item);
  // A question that is asked twice, under two ids, is not trained on either.
  const kept = new Set(heldOut.map((item) => item.question));
  const trains = (found: SourceItem | BadLine): found is SourceItem => !isBad(found) && !kept.has(found.question);
  if (!(await some(readItems(file), trains)))
    throw new UserError('no-prompts', `${file}: every question is held out, expected others to train on`);
  return {
    heldOut,
    hash: await fileHash(file),
    async *from(position) {
      for (let pass = Number(position / BigInt(lines)); ; pass++) {
        let at = BigInt(pass) * BigInt(lines);
        for await (const found of readItems(file)) {
          const here = at++;
          if (here < position || (isBad(found) ? pass > 0 : !trains(found))) continue;
          yield { position: here, pass, found };
        }
      }
    },
  };
}

async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

async function some<T>(items: AsyncIterable<T>, holds: (item: T) => boolean): Promise<boolean> {
  for await (const item of items) if (holds(item)) return true;
  return false;
}

function keepLowest(ranked: { rank: string; item: SourceItem }[], count: number): void {
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  ranked.length = Math.min(ranked.length, count);
}
