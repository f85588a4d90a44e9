import { type ChildNode, type Document, type Element, isTag } from 'domhandler';
import { DomUtils } from 'htmlparser2';
import { elementsOf, parseMarkup } from '../html/parse.js';

/**
 * The prefixes that the reader goes by, by the end of a name space: transitional and strict documents differ before.
 */
const prefixes: readonly (readonly [end: string, prefix: string])[] = [
  ['wordprocessingml/main', 'w'],
  ['officeDocument/math', 'm'],
  ['markup-compatibility/2006', 'mc'],
];

/**
 * Parses an XML part; its elements get the usual prefixes.
 * @throws {UserError} `document-unreadable` for elements that are nested too deep
 */
export function parseXml(path: string, xml: string): Document {
  const document = parseMarkup(path, xml, { xmlMode: true, decodeEntities: true });
  // Declarations: a document type could declare entities.
  document.children = document.children.filter(isTag);
  const root = document.children.find(isTag);
  if (root) renamePrefixes(root);
  return document;
}

function renamePrefixes(root: Element): void {
  const renamed = new Map<string, string>();
  for (const [name, space] of Object.entries(root.attribs)) {
    const found = /^xmlns(?::(.+))?$/.exec(name);
    const prefix = prefixes.find(([end]) => space.replace(/\/\d{4}\//, '/').endsWith(end))?.[1];
    if (!found || prefix === undefined || found[1] === prefix) continue;
    renamed.set(found[1] ?? '', prefix);
    root.attribs[`xmlns:${prefix}`] = space;
  }
  if (renamed.size === 0) return;
  const rename = (name: string): string => {
    const [first = '', second] = name.split(':', 2);
    const prefix = renamed.get(second === undefined ? '' : first);
    return prefix === undefined ? name : `${prefix}:${second ?? first}`;
  };
  for (const element of elementsOf([root])) {
    element.name = rename(element.name);
    element.attribs = Object.fromEntries(
      // An attribute without a prefix has no name space.
      Object.entries(element.attribs).map(([name, value]) => [name.includes(':') ? rename(name) : name, value]),
    );
  }
}

export const writeXml = (nodes: readonly ChildNode[]): string => DomUtils.getOuterHTML([...nodes], { xmlMode: true });

export const childOf = (element: Element, name: string): Element | undefined =>
  element.children.find((child): child is Element => isTag(child) && child.name === name);
