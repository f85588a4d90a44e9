import { UserError } from '../support/errors.js';
import { parseExact } from '../support/exact-json.js';
import { hashOf } from './file-hash.js';
import { type PromptFile, promptFiles } from './files.js';
import { type HeldOut, lowestRanks, questionKey, rankOf } from './held-out.js';
import { parseItem } from './item.js';
import type { Mapping } from './mapping.js';
import { type Passes, passesFrom } from './passes.js';
import { rowsOf } from './rows/read.js';
import { type BadItem, isBad, type PromptSource, type SourceItem } from './source.js';

export const BAD_LINE = 'bad-prompt-line';

/** Prompt files and how they are read. */
export interface FileSettings extends Mapping {
  readonly file: string | readonly string[];
  readonly heldOut: HeldOut;
  /** Seed of the order of each pass; undefined: that of the files. */
  readonly shuffle: number | undefined;
}

/**
 * Parses one prompt that is a JSON text.
 * @throws {UserError} `bad-prompt-line`: source, field, found, expected
 */
export function parsePromptLine(line: string, source: string, mapping: Mapping = {}): SourceItem {
  let json: unknown;
  try {
    json = parseExact(line, { keep: 'digits' });
  } catch {
    throw new UserError(BAD_LINE, `${source}: not JSON; expected {"id", "question", "answer"}`);
  }
  return parseItem(json, source, BAD_LINE, mapping);
}

/** The items and bad rows of prompt files. A row whose id occurred before is bad. */
export async function* readItems(
  files: readonly PromptFile[],
  mapping: Mapping = {},
): AsyncGenerator<SourceItem | BadItem> {
  const seen = new Map<string, string>();
  for (const { path, name } of files)
    for await (const found of rowsOf(path, name)) {
      const source = `${name}:${found.number}`;
      try {
        if (found.row === undefined) throw new UserError(BAD_LINE, `${source}: ${found.problem}`);
        const item = parseItem(found.row, source, BAD_LINE, mapping);
        const before = seen.get(item.itemId);
        if (before !== undefined)
          throw new UserError(BAD_LINE, `${source}: id: found ${item.itemId} again, first at ${before}`);
        seen.set(item.itemId, source);
        yield item;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        yield { source, error };
      }
    }
}

/** Characters of items that a shuffled pass keeps in memory at once. */
const IN_MEMORY = 32 << 20;

/**
 * The prompts of files, over and over.
 * @param folder what paths are relative to
 * @throws {UserError} `no-file`, `no-prompts`, `prompts-format`, `bad-prompts`; `bad-prompt-line` for a held-out file
 */
export async function fileSource(settings: FileSettings, folder: string): Promise<PromptSource> {
  const { heldOut, shuffle } = settings;
  const files = await promptFiles(settings.file, folder);
  const apart =
    typeof heldOut === 'object' && 'file' in heldOut ? await heldOutFile(heldOut.file, settings, folder) : undefined;
  const split = await splitOf(() => readItems(files, settings), files, heldOut, apart);
  const passes: Passes = {
    read: () => readItems(files, settings),
    length: split.rows,
    isUsed: ({ question }) => !split.isHeldOut(question),
    shuffle,
    parts: Math.ceil(split.characters / IN_MEMORY),
  };
  return {
    heldOut: split.heldOut,
    ...(split.share !== undefined && { heldOutShare: split.share }),
    hash: await hashOf([...files, ...(apart?.files ?? [])]),
    from: (position) => passesFrom(passes, position),
  };
}

/** Questions that are held out in files of their own. */
export interface HeldOutFile {
  readonly files: readonly PromptFile[];
  /** Of their content. */
  readonly hash: string;
  readonly items: readonly SourceItem[];
  readonly has: (question: string) => boolean;
}

/** The questions of a file of their own. @throws {UserError} `bad-prompt-line` for a row that cannot be read */
export async function heldOutFile(path: string, mapping: Mapping, folder: string): Promise<HeldOutFile> {
  const files = await promptFiles(path, folder);
  const items: SourceItem[] = [];
  for await (const found of readItems(files, mapping)) {
    if (isBad(found)) throw found.error;
    items.push(found);
  }
  const keys = new Set(items.map(({ question }) => questionKey(question)));
  return { files, hash: await hashOf(files), items, has: (question) => keys.has(questionKey(question)) };
}

interface Split {
  readonly rows: number;
  readonly characters: number;
  readonly heldOut: readonly SourceItem[];
  readonly isHeldOut: (question: string) => boolean;
  readonly share: number | undefined;
}

/** Reads all items once: how many there are, and which of their questions are held out. */
async function splitOf(
  read: Passes['read'],
  files: readonly PromptFile[],
  wanted: HeldOut,
  apart: HeldOutFile | undefined,
): Promise<Split> {
  const count = typeof wanted === 'number' ? wanted : 0;
  const share = typeof wanted === 'object' && 'share' in wanted ? wanted.share : undefined;
  const lowest = lowestRanks<SourceItem>(count);
  const below = new Map<number, SourceItem>();
  let [rows, characters, usable, trained] = [0, 0, 0, 0];
  let firstBad: BadItem | undefined;
  for await (const found of read()) {
    rows++;
    if (isBad(found)) {
      firstBad ??= found;
      continue;
    }
    usable++;
    characters += sizeOf(found);
    const rank = rankOf(found.question);
    const isHeldOut = apart ? apart.has(found.question) : share !== undefined && rank < share;
    if (!isHeldOut) trained++;
    else if (share !== undefined && !below.has(rank)) below.set(rank, found);
    lowest.add(found);
  }
  const chosen = lowest.chosen();
  if (trained === 0 || !chosen) throw tooFew(files, { rows, usable, firstBad, count });
  if (apart) return { rows, characters, heldOut: apart.items, isHeldOut: apart.has, share: undefined };
  const boundary = share ?? chosen.share;
  const heldOut = share === undefined ? chosen.items : [...below].sort(([a], [b]) => a - b).map(([, item]) => item);
  return { rows, characters, heldOut, isHeldOut: (question) => rankOf(question) < boundary, share: boundary };
}

const sizeOf = ({ question, answer, trace, data }: SourceItem): number =>
  question.length + answer.length + (trace?.length ?? 0) + (data?.length ?? 0);

function tooFew(
  files: readonly PromptFile[],
  {
    rows,
    usable,
    firstBad,
    count,
  }: { readonly rows: number; readonly usable: number; readonly firstBad: BadItem | undefined; readonly count: number },
): UserError {
  const place = files.map(({ path }) => path).join(', ');
  const found = `found ${usable} usable prompt${usable === 1 ? '' : 's'} in ${rows} line${rows === 1 ? '' : 's'}`;
  const expected =
    usable > count
      ? 'all of them are held out; expected others to train on'
      : `expected more than prompts.heldOut (${count})`;
  return new UserError('no-prompts', `${place}: ${found}, ${expected}${firstBad ? `\n${firstBad.error.message}` : ''}`);
}
