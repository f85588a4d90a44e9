import { type ChildNode, type Document, DomHandler, type Element, isTag, isText } from 'domhandler';
import { Parser, type ParserOptions } from 'htmlparser2';
import { tooDeep } from '../errors.js';
import { maxDepth } from '../extracted.js';

/**
 * Parses HTML or XML into a tree.
 * @param path for messages
 * @throws {UserError} `document-unreadable` for elements more than `maxDepth` deep
 */
export function parseMarkup(path: string, markup: string, options: ParserOptions = {}): Document {
  const handler = new (class extends DomHandler {
    private depth = 0;
    override onopentag(name: string, attributes: Record<string, string>): void {
      if (++this.depth > maxDepth) throw tooDeep(path);
      super.onopentag(name, attributes);
    }
    override onclosetag(): void {
      this.depth--;
      super.onclosetag();
    }
  })();
  new Parser(handler, options).end(markup);
  return handler.root;
}

/** Elements in document order, without recursion into `skip`. */
export function* elementsOf(
  nodes: readonly ChildNode[],
  skip: (element: Element) => boolean = () => false,
): Generator<Element> {
  for (const node of nodes) {
    if (!isTag(node) || skip(node)) continue;
    yield node;
    yield* elementsOf(node.children, skip);
  }
}

/** The first element of a name. */
export function firstElement(nodes: readonly ChildNode[], name: string): Element | undefined {
  for (const element of elementsOf(nodes)) if (element.name === name) return element;
  return undefined;
}

/** All text below the nodes. */
export function plainText(nodes: readonly ChildNode[]): string {
  return nodes.map((node) => (isText(node) ? node.data : isTag(node) ? plainText(node.children) : '')).join('');
}
