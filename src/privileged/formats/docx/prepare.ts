import { type ChildNode, Element, isTag, type ParentNode, Text } from 'domhandler';
import { elementsOf, firstElement, plainText } from '../html/parse.js';
import { officeMathText } from '../math/omml.js';
import { childOf } from './xml.js';

/** Styles of a document, by id, whose text is hidden. */
export type HiddenStyles = ReadonlySet<string>;

const valOf = (element: Element | undefined): string | undefined => element?.attribs['w:val'];

/** Whether an on/off property is set; undefined where it is not given. */
function isOn(properties: Element | undefined, name: string): boolean | undefined {
  const element = properties && childOf(properties, name);
  return element && !/^(false|0|off)$/.test(valOf(element) ?? '');
}

/** The styles that hide text, themselves or by the style that they are based on. */
export function hiddenStyles(styles: readonly ChildNode[]): HiddenStyles {
  const basedOn = new Map<string, string | undefined>();
  const stated = new Map<string, boolean | undefined>();
  for (const style of elementsOf(styles)) {
    const id = style.name === 'w:style' ? style.attribs['w:styleId'] : undefined;
    if (id === undefined) continue;
    basedOn.set(id, valOf(childOf(style, 'w:basedOn')));
    stated.set(id, isOn(childOf(style, 'w:rPr'), 'w:vanish'));
  }
  const isHidden = (id: string | undefined): boolean => {
    const seen = new Set<string>();
    for (let style = id; style !== undefined && !seen.has(style); style = basedOn.get(style)) {
      seen.add(style);
      const own = stated.get(style);
      if (own !== undefined) return own;
    }
    return false;
  };
  return new Set([...stated.keys()].filter(isHidden));
}

/**
 * Prepares the tree of a part for the reader of documents, which leaves out what it does not know: fields and other
 * wrappers are replaced by what they contain, formulas by one line of text, and hidden text is removed.
 * @returns what was left out, such as `chart`, once per occurrence
 */
export function prepare(nodes: readonly ChildNode[], hidden: HiddenStyles): string[] {
  const omitted: string[] = [];
  for (const node of [...nodes]) if (isTag(node)) prepareElement(node, hidden, omitted);
  return omitted;
}

/** Wrappers of text that the reader of documents does not know. */
const wrappers = new Set([
  'w:fldSimple',
  'w:dir',
  'w:bdo',
  'w:subDoc',
  'w:ruby',
  'w:rubyBase',
  'm:oMathPara',
  'w:contentPart',
]);

/** Objects without text that the reader can give, by the end of their name space. */
const objects: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\/chart(ex)?$/, 'chart'],
  [/\/diagram$/, 'diagram'],
];

function prepareElement(element: Element, hidden: HiddenStyles, omitted: string[]): void {
  const { name } = element;
  if (isHiddenElement(element, hidden)) {
    replaceNode(element, []);
    return;
  }
  const text =
    name === 'm:oMath'
      ? officeMathText(element)
      : name === 'w:rt'
        ? `(${plainText(element.children).trim()})`
        : undefined;
  if (text !== undefined) {
    replaceNode(element, [textRun(text)]);
    return;
  }
  if (name === 'w:altChunk') omitted.push('embedded file');
  if (name === 'o:OLEObject') omitted.push('embedded object');
  if (name === 'a:graphicData')
    for (const [pattern, object] of objects) if (pattern.test(element.attribs.uri ?? '')) omitted.push(object);
  if (name === 'mc:AlternateContent') chooseAlternative(element);
  for (const child of [...element.children]) if (isTag(child)) prepareElement(child, hidden, omitted);
  if (wrappers.has(name)) replaceNode(element, element.children);
}

function isHiddenElement(element: Element, hidden: HiddenStyles): boolean {
  if (element.name === 'w:tr') return isOn(childOf(element, 'w:trPr'), 'w:hidden') === true;
  if (element.name !== 'w:r') return false;
  const properties = childOf(element, 'w:rPr');
  const own = isOn(properties, 'w:vanish');
  if (own !== undefined) return own;
  const style = properties && valOf(childOf(properties, 'w:rStyle'));
  return (style !== undefined && hidden.has(style)) || isInHiddenParagraph(element, hidden);
}

function isInHiddenParagraph(run: Element, hidden: HiddenStyles): boolean {
  if (hidden.size === 0) return false;
  let parent: ParentNode | null = run.parent;
  while (parent && isTag(parent) && parent.name !== 'w:p') parent = parent.parent;
  const properties = parent && isTag(parent) ? childOf(parent, 'w:pPr') : undefined;
  const style = properties && valOf(childOf(properties, 'w:pStyle'));
  return style !== undefined && hidden.has(style);
}

/** The reader takes the fallback of an alternative: without one, its text would be lost. */
function chooseAlternative(element: Element): void {
  const fallback = childOf(element, 'mc:Fallback');
  const choice = childOf(element, 'mc:Choice');
  const hasText = (one: Element): boolean => firstElement(one.children, 'w:t') !== undefined;
  if (!choice || (fallback && (hasText(fallback) || !hasText(choice)))) return;
  choice.name = 'mc:Fallback';
  if (fallback) replaceNode(fallback, []);
}

function textRun(text: string): Element {
  return new Element('w:r', {}, [new Element('w:t', { 'xml:space': 'preserve' }, [new Text(text)])]);
}

function replaceNode(node: ChildNode, by: readonly ChildNode[]): void {
  const { parent } = node;
  if (!parent) return;
  const at = parent.children.indexOf(node);
  for (const child of by) child.parent = parent;
  parent.children.splice(at, 1, ...by);
}
