/** Sets the number of a pass apart from the id: `#` for prompts, `@` for recorded samples. */
export type PassMark = '#' | '@';

/**
 * The id of an item in one of the passes over its source: the id itself in the first, `id#1` in the second. An id that
 * ends like that already keeps its number in the first pass as well, `a#1#0`, so no two items ever share one.
 */
export function passId(id: string, pass: number, mark: PassMark): string {
  return pass > 0 || endsInPass(id, mark) ? `${id}${mark}${pass}` : id;
}

function endsInPass(id: string, mark: PassMark): boolean {
  const at = id.lastIndexOf(mark);
  return at >= 0 && /^[0-9]+$/.test(id.slice(at + 1));
}
