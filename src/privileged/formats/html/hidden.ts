import { type Element, isTag, type ParentNode } from 'domhandler';

/** Never shown, or shown by something other than text. */
const invisible = new Set(
  (
    'head script style template noscript iframe object embed video audio canvas map datalist rp param source track ' +
    'metadata defs'
  ).split(' '),
);

/** Text that was deleted or no longer holds. */
const deleted = new Set(['del', 's', 'strike']);

const isDrawing = (node: ParentNode | null): boolean =>
  node !== null && isTag(node) && /^(svg|g|symbol|path)$/.test(node.name);

/**
 * Whether a reader would not see an element, or sees it struck out. `aria-hidden` counts: it marks what is written
 * twice, such as the drawn form of a formula.
 */
export function isLeftOut({ name, attribs, parent }: Element): boolean {
  if (name === 'title' && !isDrawing(parent)) return true;
  if (invisible.has(name) || deleted.has(name)) return true;
  if (attribs.hidden !== undefined && attribs.hidden.toLowerCase() !== 'until-found') return true;
  if (attribs['aria-hidden']?.toLowerCase() === 'true') return true;
  if (name === 'dialog' && attribs.open === undefined) return true;
  const style = attribs.style?.slice(0, 10_000) ?? '';
  return /(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|text-decoration(?:-line)?\s*:[^;]*line-through)/i.test(
    style,
  );
}
