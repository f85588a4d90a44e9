import { type ChildNode, type Element, isTag } from 'domhandler';
import { isLeftOut } from './hidden.js';
import type { Rendering } from './render.js';

type Render = (element: Element, rendering: Rendering) => void;

/** Renders a list, each item with its bullet or number. `renderNodes` renders what is inside. */
export const renderList =
  (renderNodes: (nodes: readonly ChildNode[], rendering: Rendering) => void): Render =>
  (list, rendering) => {
    const items = list.children.filter(isTag).filter((item) => item.name === 'li' && !isLeftOut(item));
    const isOrdered = list.name === 'ol';
    const step = list.attribs.reversed === undefined ? 1 : -1;
    let number = wholeNumber(list.attribs.start) ?? (step > 0 ? 1 : items.length);
    for (const node of list.children) {
      if (!isTag(node) || isLeftOut(node)) continue;
      if (node.name !== 'li') {
        // A list may be put into a list without an item around it.
        rendering.writer.indented('  ', () => renderNodes([node], rendering));
        continue;
      }
      number = wholeNumber(node.attribs.value) ?? number;
      const mark = isOrdered ? `${numeral(number, list.attribs.type)}. ` : '- ';
      rendering.writer.breakLine(1);
      rendering.writer.indented(' '.repeat(mark.length), () => renderNodes(node.children, rendering), mark);
      rendering.writer.breakLine(1);
      number += step;
    }
  };

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*-?\d{1,9}\s*$/.test(text) ? Number(text) : undefined;

/** A number as a list of this type shows it: `a`, `A`, `i`, `I`, or decimal. */
export function numeral(number: number, type = '1'): string {
  if ((type === 'a' || type === 'A') && number > 0) return cased(letters(number), type === 'A');
  if ((type === 'i' || type === 'I') && number > 0 && number < 4000) return cased(roman(number), type === 'I');
  return String(number);
}

const cased = (text: string, isUpper: boolean): string => (isUpper ? text.toUpperCase() : text);

function letters(number: number): string {
  let text = '';
  for (let left = number; left > 0; left = Math.floor((left - 1) / 26))
    text = String.fromCharCode(97 + ((left - 1) % 26)) + text;
  return text;
}

const romans: readonly (readonly [number, string])[] = [
  [1000, 'm'],
  [900, 'cm'],
  [500, 'd'],
  [400, 'cd'],
  [100, 'c'],
  [90, 'xc'],
  [50, 'l'],
  [40, 'xl'],
  [10, 'x'],
  [9, 'ix'],
  [5, 'v'],
  [4, 'iv'],
  [1, 'i'],
];

function roman(number: number): string {
  let text = '';
  let left = number;
  for (const [value, sign] of romans) for (; left >= value; left -= value) text += sign;
  return text;
}
