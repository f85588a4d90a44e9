import { digest } from '../support/digest.js';
import { type Found, isBad, type Positioned, type SourceItem } from './source.js';

/** How a source with an end is read over and over. */
export interface Passes {
  /** Reads it once, from its start. */
  readonly read: () => AsyncIterable<Found>;
  /** What one reading gives, bad items included. */
  readonly length: number;
  /** Whether an item is given out at all. */
  readonly isUsed: (item: SourceItem) => boolean;
  /** Seed of the order of each pass; undefined: as it is read. */
  readonly shuffle: number | undefined;
  /** In how many parts a shuffled pass is read; each part is in memory at once. */
  readonly parts: number;
}

/**
 * One pass after another from a position on. Bad items are given out in the first pass only, and before all others
 * where it is shuffled.
 */
export async function* passesFrom(passes: Passes, position: bigint): AsyncGenerator<Positioned> {
  const length = BigInt(passes.length);
  for (let pass = Number(position / length); ; pass++) {
    let here = BigInt(pass) * length;
    for await (const found of passOf(passes, pass)) {
      const at = here++;
      if (at >= position && (isBad(found) ? pass === 0 : passes.isUsed(found))) yield { position: at, pass, found };
    }
  }
}

async function* passOf(passes: Passes, pass: number): AsyncGenerator<Found> {
  const { shuffle, parts, read } = passes;
  if (shuffle === undefined) {
    yield* read();
    return;
  }
  for (let part = 0; part < parts; part++) {
    const ranked: { readonly rank: string; readonly found: Found }[] = [];
    for await (const found of read()) {
      const rank = isBad(found) ? '' : digest('shuffle', String(shuffle), String(pass), found.itemId);
      if (partOf(rank, parts) === part) ranked.push({ rank, found });
    }
    ranked.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0));
    for (const { found } of ranked) yield found;
  }
}

/** Ranks in ascending order fall into parts in ascending order. */
const partOf = (rank: string, parts: number): number =>
  rank === '' ? 0 : Math.floor((Number.parseInt(rank.slice(0, 8), 16) / 2 ** 32) * parts);
