import { createReadStream, statSync } from 'node:fs';
import { basename } from 'node:path';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { parseExact } from '../support/exact-json.js';
import { linesOf } from '../support/lines.js';
import { fileHash } from './file-hash.js';
import { parseItem } from './item.js';
import { type BadItem, isBad, type PromptSource, type SourceItem } from './source.js';

/**
 * Parses one line of a prompts file.
 * @throws {UserError} `bad-prompt-line`: file, line, field, found, expected
 */
export function parsePromptLine(line: string, source: string): SourceItem {
  let json: unknown;
  try {
    json = parseExact(line, { keep: 'digits' });
  } catch (error) {
    // The parser's own message quotes the line, which may contain privileged text.
    const at = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
    const column = at === undefined ? '' : `:${Number(at) + 1}`;
    throw new UserError('bad-prompt-line', `${source}${column}: not JSON; expected {"id", "question", "answer"}`);
  }
  return parseItem(json, source, 'bad-prompt-line');
}

/** The items and bad lines of a file, without blank lines. A line whose id occurred before is bad. */
export async function* readItems(file: string): AsyncGenerator<SourceItem | BadItem> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new UserError('no-file', `${file}: no such file`);
  const seen = new Map<string, number>();
  for await (const line of linesOf(createReadStream(file))) {
    const source = `${basename(file)}:${line.number}`;
    if (line.text?.trim() === '') continue;
    try {
      if (line.text === undefined) throw new UserError('bad-prompt-line', `${source}: ${line.problem}`);
      const item = parsePromptLine(line.text, source);
      const before = seen.get(item.itemId);
      if (before !== undefined)
        throw new UserError('bad-prompt-line', `${source}: id: found ${item.itemId} again, first on line ${before}`);
      seen.set(item.itemId, line.number);
      yield item;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      yield { source, error };
    }
  }
}

/**
 * The prompts of a JSON lines file, over and over. The held-out items are those with the lowest hashes of their
 * questions, so they stay the same when lines are added or moved.
 * @throws {UserError} `no-file`, `no-prompts`
 */
export async function fileSource(file: string, heldOutCount: number): Promise<PromptSource> {
  const { lines, heldOut } = await readHeldOut(file, heldOutCount);
  // A question that occurs under two ids is not trained on under either.
  const heldOutQuestions = new Set(heldOut.map((item) => item.question));
  const isTrained = (found: SourceItem | BadItem): found is SourceItem =>
    !isBad(found) && !heldOutQuestions.has(found.question);
  if (!(await some(readItems(file), isTrained)))
    throw new UserError('no-prompts', `${file}: every question is held out; expected others to train on`);
  return {
    heldOut,
    hash: await fileHash(file),
    async *from(position) {
      for (let pass = Number(position / BigInt(lines)); ; pass++) {
        let at = BigInt(pass) * BigInt(lines);
        for await (const found of readItems(file)) {
          const here = at++;
          if (here < position || (isBad(found) ? pass > 0 : !isTrained(found))) continue;
          yield { position: here, pass, found };
        }
      }
    },
  };
}

/** Number of non-blank lines, and the held-out items. Keeps only some of the items in memory at a time. */
async function readHeldOut(
  file: string,
  count: number,
): Promise<{ readonly lines: number; readonly heldOut: readonly SourceItem[] }> {
  const ranked: { readonly rank: string; readonly item: SourceItem }[] = [];
  let lines = 0;
  let items = 0;
  let firstBad: BadItem | undefined;
  for await (const found of readItems(file)) {
    lines++;
    if (isBad(found)) {
      firstBad ??= found;
      continue;
    }
    items++;
    ranked.push({ rank: digest('held-out', found.question), item: found });
    if (ranked.length >= 2 * count + 1024) keepLowest(ranked, count);
  }
  keepLowest(ranked, count);
  if (items <= count)
    throw new UserError(
      'no-prompts',
      `${file}: found ${items} usable prompt${items === 1 ? '' : 's'} in ${lines} line${lines === 1 ? '' : 's'}, ` +
        `expected more than prompts.heldOut (${count})${firstBad ? `\n${firstBad.error.message}` : ''}`,
    );
  return { lines, heldOut: ranked.map(({ item }) => item) };
}

async function some<T>(items: AsyncIterable<T>, predicate: (item: T) => boolean): Promise<boolean> {
  for await (const item of items) if (predicate(item)) return true;
  return false;
}

function keepLowest(ranked: { readonly rank: string }[], count: number): void {
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  ranked.length = Math.min(ranked.length, count);
}
