import { type ChildNode, type Element, isTag, isText } from 'domhandler';
import { firstElement, plainText } from '../html/parse.js';
import { fraction, matrix, root, subscript, superscript } from './linear.js';

/** A MathML formula in one line: its TeX where it carries it, else such as `x^2/(y + 1)`. */
export function mathText(nodes: readonly ChildNode[]): string {
  const annotation = firstElement(nodes, 'annotation');
  if (annotation && /tex/i.test(annotation.attribs.encoding ?? '')) return plainText(annotation.children).trim();
  return row(nodes).replace(/\s+/g, ' ').trim();
}

const row = (nodes: readonly ChildNode[]): string =>
  nodes.map((node) => (isText(node) ? node.data.trim() : isTag(node) ? part(node) : '')).join('');

function part(element: Element): string {
  const operands = element.children.filter(isTag);
  const text = (k: number): string => {
    const operand = operands[k];
    return operand ? part(operand).trim() : '';
  };
  switch (element.name) {
    case 'annotation':
    case 'annotation-xml':
    case 'mphantom':
      return '';
    case 'mfrac':
      return fraction(text(0), text(1));
    case 'msup':
    case 'mover':
      return superscript(text(0), text(1));
    case 'msub':
    case 'munder':
      return subscript(text(0), text(1));
    case 'msubsup':
    case 'munderover':
      return superscript(subscript(text(0), text(1)), text(2));
    case 'msqrt':
      return root(row(element.children).trim());
    case 'mroot':
      return root(text(0), text(1));
    case 'mtable':
      return matrix(operands.map((line) => line.children.filter(isTag).map((cell) => row(cell.children).trim())));
    case 'mo':
      return operator(plainText(element.children).trim());
    case 'mtext':
      return plainText(element.children);
    case 'mspace':
      return ' ';
    default:
      return row(element.children);
  }
}

/** An operator, spaced where it stands between terms. Invisible ones become nothing or a space. */
function operator(sign: string): string {
  if (/^[\u2061\u2063\u2064]?$/.test(sign)) return '';
  if (sign === '\u2062') return ' ';
  return /^[=<>≤≥≠≈+\-−±×·÷∈→⇒⇔∧∨]$/u.test(sign) ? ` ${sign} ` : sign;
}
