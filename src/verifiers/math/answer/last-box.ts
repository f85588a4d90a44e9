import { otherAfter, otherBefore } from './alternatives.js';
import { type Asserted, boxes, boxJoint, type Candidate, lastJoined } from './candidates.js';

/** The last box, with those that belong to the same answer, and with what is offered besides it. */
export function lastBox(text: string): Asserted | undefined {
  const found = boxes(text);
  const answer = lastJoined(found, text, boxJoint);
  const last = found.at(-1);
  if (!answer || answer.claim || !last) return answer;
  const around = boxContext(text, last);
  if (around === undefined) return { ...answer, claim: 'changed' };
  const first = found.find(({ text: one }) => answer.text.startsWith(one.trim())) ?? last;
  if (!/ (?:or|,) /.test(answer.text) && EITHER.test(text.slice(Math.max(0, first.start - 30), first.start)))
    return { ...answer, claim: 'hedged' };
  return { text: `${around}${otherBefore(text, found)}${answer.text}${otherAfter(text, last)}` };
}

const EITHER = /\beither\b[\s$:({[*\\]*$/i;

/** A sign before a box that belongs to the answer; undefined if the box is only a part of an expression. */
function boxContext(text: string, { start, end }: Candidate): string | undefined {
  const before = text
    .slice(Math.max(0, start - 40), start)
    .replace(/(?:[\s&$*{]|\\(?:displaystyle|Large|large|[,;! ])(?![a-z]))+$/, '');
  const after = text.slice(end, end + 20);
  if (
    /^\s*(?:[+*/^_<>≠≤≥]|\\(?:cdot|times|div|pm|ne|neq|le|leq|lt|ge|geq|gt)(?![a-z]))/.test(after) &&
    !/^\s*(?:\^\s*\{?\s*\\circ|\*|_)/.test(after)
  )
    return undefined;
  const [, relation] =
    /(<=|>=|!=|[<>≤≥≠]|\\(?:ne|neq|le|leq|leqslant|lt|ge|geq|geqslant|gt|subset|subseteq|sim)(?![a-z]))$/.exec(
      before,
    ) ?? [];
  if (relation) return /\n\s*>$/.test(before) || before === '>' ? '' : `${relation} `;
  if (/(?:[\w)}]\s*[-+*/]|\\(?:cdot|times|div|pm)|[\^_/]|\\(?:frac|sqrt))$/.test(before)) return undefined;
  return /(?:^|[=$(]\s*)-$/.test(before) && !/\n\s*-$|^-$/.test(`${before}`) ? '-' : '';
}
