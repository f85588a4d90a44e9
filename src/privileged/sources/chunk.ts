import type { TextShape } from '../formats/extracted.js';

export interface ChunkOptions {
  /** Maximum characters (UTF-16 units) of a chunk, including the overlap; at least 16. */
  readonly maxCharacters: number;
  /** Characters that a chunk repeats from the end of the one before; less than half of `maxCharacters`. */
  readonly overlap: number;
}

/** Characters `start` to `end` (exclusive) of the text. */
export interface ChunkSpan {
  readonly start: number;
  readonly end: number;
}

/** Where to split each shape, best places first. The next part begins at the end of a match. */
const breaks: Readonly<Record<TextShape, readonly RegExp[]>> = {
  headings: [/\n(?=#{1,6} )/g, /\n\s*\n/g, /\n/g, /[.!?]\s+/g, /\s+/g],
  code: [/\n\n(?=[^\s})\]])/g, /\n(?=[^\s})\]])/g, /\n/g, /\s+/g],
  lines: [/\n/g, /\s+/g],
  paragraphs: [/\n\s*\n/g, /\n/g, /[.!?]\s+/g, /\s+/g],
};

/**
 * Splits a text into spans of at most `maxCharacters`, at the best places for its shape. Deterministic: the spans cover
 * the text in order, and none ends inside a surrogate pair. A span shorter than a quarter of the limit is joined with
 * the next one, so that a heading stays with its section.
 * @throws {RangeError} for options out of range
 * @example
 * chunkText('# A\none\n# B\ntwo\n', 'headings', { maxCharacters: 16, overlap: 0 });
 */
export function chunkText(text: string, shape: TextShape, { maxCharacters, overlap }: ChunkOptions): ChunkSpan[] {
  if (!Number.isInteger(maxCharacters) || maxCharacters < 16)
    throw new RangeError(`maxCharacters is ${maxCharacters}, expected at least 16`);
  if (!Number.isInteger(overlap) || overlap < 0 || overlap * 2 >= maxCharacters) {
    throw new RangeError(`overlap is ${overlap}, expected at least 0 and less than half of maxCharacters`);
  }
  const most = maxCharacters - overlap;
  const spans: { start: number; end: number }[] = [];
  for (const span of split(text, { start: 0, end: text.length }, breaks[shape], most)) {
    const last = spans.at(-1);
    const short = last && (last.end - last.start < most / 4 || text.slice(span.start, span.end).trim() === '');
    if (last && short && span.end - last.start <= most) last.end = span.end;
    else spans.push({ ...span });
  }
  return spans.map(({ start, end }) => ({ start: outsidePair(text, Math.max(0, start - overlap)), end }));
}

/** Splits at the first kind of break, as rarely as possible, and parts that are still too long at the next kind. */
function* split(text: string, span: ChunkSpan, kinds: readonly RegExp[], most: number): Generator<ChunkSpan> {
  if (span.end - span.start <= most) {
    if (span.end > span.start) yield span;
    return;
  }
  const [kind, ...finer] = kinds;
  if (!kind) {
    for (let start = span.start; start < span.end; ) {
      const end = start + most >= span.end ? span.end : outsidePair(text, start + most);
      yield { start, end };
      start = end;
    }
    return;
  }
  let start = span.start;
  let end = span.start;
  for (const next of withLast(endsOf(text, span, kind), span.end)) {
    if (next - start > most && end > start) {
      yield { start, end };
      start = end;
    }
    if (next - start > most) {
      yield* split(text, { start, end: next }, finer, most);
      start = next;
    }
    end = next;
  }
  if (end > start) yield { start, end };
}

function* withLast(ends: Iterable<number>, last: number): Generator<number> {
  yield* ends;
  yield last;
}

/** Where the matches of a break end, one at a time: a text may have millions. */
function* endsOf(text: string, span: ChunkSpan, kind: RegExp): Generator<number> {
  const part = text.slice(span.start, span.end);
  const matcher = new RegExp(kind);
  while (matcher.test(part)) yield span.start + matcher.lastIndex;
}

/** Moves a position inside a surrogate pair to the beginning of the pair. */
function outsidePair(text: string, position: number): number {
  return position > 0 &&
    /^[\uDC00-\uDFFF]/.test(text.slice(position, position + 1)) &&
    /[\uD800-\uDBFF]$/.test(text.slice(position - 1, position))
    ? position - 1
    : position;
}
