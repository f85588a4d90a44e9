import { type ChildNode, type Element, isTag, isText } from 'domhandler';
import { plainText } from '../html/parse.js';
import { fraction, grouped, matrix, root, subscript, superscript } from './linear.js';

/** A formula of an Office document in one line, such as `x^2/(y + 1)`. */
export const officeMathText = (element: Element): string => row(element.children).replace(/\s+/g, ' ').trim();

const row = (nodes: readonly ChildNode[]): string => nodes.map((node) => (isTag(node) ? part(node) : '')).join('');

const child = (element: Element, name: string): Element | undefined =>
  element.children.filter(isTag).find((one) => one.name === name);

const inside = (element: Element, name: string): string => row(child(element, name)?.children ?? []).trim();

/** A property, such as the sign of an operator; undefined where it is not given. */
const property = (element: Element, group: string, name: string): string | undefined => {
  const properties = child(element, group);
  return properties && child(properties, name)?.attribs['m:val'];
};

const signs: Readonly<Record<string, string>> = { '\u222B': '∫', '\u2211': '∑', '\u220F': '∏' };

function part(element: Element): string {
  const text = (name: string): string => inside(element, name);
  switch (element.name) {
    case 'm:t':
      return plainText(element.children);
    case 'm:f':
      return fraction(text('m:num'), text('m:den'));
    case 'm:sSup':
      return superscript(text('m:e'), text('m:sup'));
    case 'm:sSub':
      return subscript(text('m:e'), text('m:sub'));
    case 'm:sSubSup':
      return superscript(subscript(text('m:e'), text('m:sub')), text('m:sup'));
    case 'm:sPre':
      return superscript(subscript('', text('m:sub')), text('m:sup')) + text('m:e');
    case 'm:rad':
      return root(text('m:e'), text('m:deg'));
    case 'm:nary': {
      const sign = property(element, 'm:naryPr', 'm:chr') ?? '∫';
      const limits = superscript(subscript(signs[sign] ?? sign, text('m:sub')), text('m:sup'));
      return `${limits} ${text('m:e')}`;
    }
    case 'm:d': {
      const open = property(element, 'm:dPr', 'm:begChr') ?? '(';
      const close = property(element, 'm:dPr', 'm:endChr') ?? ')';
      const operands = element.children.filter(isTag).filter(({ name }) => name === 'm:e');
      return open + operands.map(({ children }) => row(children).trim()).join(', ') + close;
    }
    case 'm:m':
      return matrix(
        childrenOf(element, 'm:mr').map((line) => childrenOf(line, 'm:e').map((cell) => row(cell.children).trim())),
      );
    case 'm:eqArr':
      return childrenOf(element, 'm:e')
        .map(({ children }) => row(children).trim())
        .join('; ');
    case 'm:func':
      return `${text('m:fName')} ${grouped(text('m:e'))}`;
    case 'm:limLow':
      return subscript(text('m:e'), text('m:lim'));
    case 'm:limUpp':
      return superscript(text('m:e'), text('m:lim'));
    case 'm:acc':
    case 'm:bar':
    case 'm:groupChr':
      return text('m:e');
    case 'm:oMath':
    case 'm:r':
      return row(element.children);
    default:
      // Properties have no text; anything else passes its own on.
      return element.name.endsWith('Pr')
        ? ''
        : element.children.some(isText)
          ? plainText(element.children)
          : row(element.children);
  }
}

const childrenOf = (element: Element, name: string): Element[] =>
  element.children.filter(isTag).filter((one) => one.name === name);
