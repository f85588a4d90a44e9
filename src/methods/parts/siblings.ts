import type { Verdict } from '../../records/records.js';

/**
 * The next other completion of the group, in order of index and around its end, that a condition holds for. Each
 * sample thus has a sibling of its own where there are several.
 */
export function nextSibling(
  group: readonly Verdict[],
  sample: Verdict,
  holds: (sibling: Verdict) => boolean,
): Verdict | undefined {
  const at = group.indexOf(sample);
  return [...group.slice(at + 1), ...group.slice(0, at)].find(holds);
}
