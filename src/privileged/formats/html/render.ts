import { type ChildNode, type Element, isTag, isText } from 'domhandler';
import { mathText } from '../math/mathml.js';
import { isLeftOut } from './hidden.js';
import { renderList } from './list.js';
import { elementsOf, plainText } from './parse.js';
import { type Cell, tableLines } from './table.js';
import { textWriter, type Writer } from './writer.js';

/** A document while it is rendered. */
export interface Rendering {
  /** For messages. */
  readonly path: string;
  readonly writer: Writer;
}

type Render = (element: Element, rendering: Rendering) => void;

/**
 * Renders nodes as text: headings as `#`, list items with their marks, table rows as lines, sub- and superscripts as
 * `_` and `^`. Deleted and hidden elements are left out.
 * @throws {UserError} `document-huge`
 */
export function renderText(path: string, nodes: readonly ChildNode[]): string {
  const writer = textWriter(path);
  renderNodes(nodes, { path, writer });
  return writer.result();
}

export function renderNodes(nodes: readonly ChildNode[], rendering: Rendering): void {
  for (const node of nodes) {
    if (isText(node)) rendering.writer.text(node.data);
    else if (isTag(node) && !isLeftOut(node)) renderElement(node, rendering);
    // `<![CDATA[…]]>` in XHTML.
    else if ('children' in node && !isTag(node)) renderNodes(node.children, rendering);
  }
}

function renderElement(element: Element, rendering: Rendering): void {
  const render = renderers[element.name] ?? renderInline;
  render(element, rendering);
}

const renderInline: Render = ({ children }, rendering) => renderNodes(children, rendering);

/** On lines of its own, with a blank line around it if `lines` is 2. */
const block =
  (lines: 1 | 2, content: Render = renderInline): Render =>
  (element, rendering) => {
    rendering.writer.breakLine(lines);
    content(element, rendering);
    rendering.writer.breakLine(lines);
  };

/** Separated from its neighbours by a space. */
const spaced: Render = (element, rendering) => {
  rendering.writer.text(' ');
  renderInline(element, rendering);
  rendering.writer.text(' ');
};

const heading: Render = (element, rendering) => {
  rendering.writer.text(`${'#'.repeat(Number(element.name.slice(1)))} `);
  renderInline(element, rendering);
};

const script =
  (sign: '^' | '_'): Render =>
  ({ children }, { path, writer }) => {
    const text = renderText(path, children).replace(/\s+/g, ' ');
    // A footnote mark, such as [1].
    if (/^\[[^\]]*\]$/.test(text)) writer.text(text);
    else if (text !== '') writer.script(sign, text);
  };

const link: Render = (element, rendering) => {
  const { writer } = rendering;
  const target = element.attribs.href?.trim() ?? '';
  // A footnote's way back to its mark.
  if (
    target.startsWith('#') &&
    element.children.every(isText) &&
    /^\s*[↑↩]\uFE0E?\s*$/.test(plainText(element.children))
  )
    return;
  let text = writer.captured(() => renderInline(element, rendering)).trim();
  if (text === '') {
    text = (element.attribs['aria-label'] ?? element.attribs.title ?? '').trim();
    writer.text(text);
  }
  const isExternal = /^(https?|ftp|mailto|tel):/i.test(target) && target.length <= 2048;
  if (isExternal && text !== '' && !target.includes(text)) writer.text(` (${target})`);
};

const image: Render = ({ attribs }, { writer }) => {
  const text = attribs.alt?.trim() ?? '';
  if (text !== '') writer.text(` [image: ${text}] `);
};

const input: Render = ({ attribs }, { writer }) => {
  if (attribs.type === 'checkbox' || attribs.type === 'radio')
    writer.text(attribs.checked === undefined ? ' [ ] ' : ' [x] ');
};

const preformatted: Render = ({ children }, { writer }) => {
  const text = verbatimText(children).replace(/^\n/, '').replace(/\n$/, '');
  if (text.trim() === '') return;
  writer.verbatim('```');
  writer.newLine();
  writer.verbatim(text);
  writer.newLine();
  writer.verbatim('```');
};

const verbatimText = (nodes: readonly ChildNode[]): string =>
  nodes
    .map((node) =>
      isText(node)
        ? node.data
        : isTag(node) && !isLeftOut(node)
          ? node.name === 'br'
            ? '\n'
            : verbatimText(node.children)
          : '',
    )
    .join('');

const quoted =
  (before: string, after: string): Render =>
  (element, rendering) => {
    rendering.writer.text(before);
    renderInline(element, rendering);
    rendering.writer.text(after);
  };

const indented =
  (prefix: string, first?: string): Render =>
  (element, rendering) =>
    rendering.writer.indented(prefix, () => renderInline(element, rendering), first);

const isTablePart = ({ name }: Element): boolean => name === 'table';

/** A table of data as rows; one that lays out a page, because tables are nested in it, as blocks. */
const table: Render = (element, rendering) => {
  const { path, writer } = rendering;
  const parts = [...elementsOf(element.children, isTablePart)];
  for (const caption of parts) if (caption.name === 'caption' && !isLeftOut(caption)) block(1)(caption, rendering);
  const rows = rowsOf(element.children);
  const nested = [...elementsOf(element.children)].some(({ name }) => name === 'table');
  if (nested || /^(presentation|none)$/i.test(element.attribs.role ?? '')) {
    for (const row of rows) for (const cell of row) block(1)(cell, rendering);
    return;
  }
  for (const line of tableLines(
    path,
    rows.map((row) => row.map((cell) => cellOf(path, cell))),
  )) {
    writer.breakLine(1);
    writer.verbatim(line);
  }
};

function rowsOf(nodes: readonly ChildNode[]): Element[][] {
  const rows: Element[][] = [];
  for (const node of nodes) {
    if (!isTag(node) || isLeftOut(node)) continue;
    if (node.name === 'tr')
      rows.push(node.children.filter(isTag).filter((cell) => /^t[dh]$/.test(cell.name) && !isLeftOut(cell)));
    else if (/^t(head|body|foot)$/.test(node.name)) rows.push(...rowsOf(node.children));
  }
  return rows;
}

function cellOf(path: string, { attribs, children }: Element): Cell {
  const span = (value: string | undefined): number =>
    /^\s*\d{1,9}/.test(value ?? '') ? Number.parseInt(value ?? '', 10) : 1;
  return {
    text: renderText(path, children).replace(/\n+/g, '; '),
    // Of more than 1000 columns a browser makes one.
    columns: span(attribs.colspan) > 1000 ? 1 : span(attribs.colspan),
    rows: Math.min(65_534, span(attribs.rowspan)),
  };
}

const blocks = (lines: 1 | 2, names: string): Record<string, Render> =>
  Object.fromEntries(names.split(' ').map((name) => [name, block(lines)]));

/** How an element is rendered; inline where it is not listed. */
const renderers: Readonly<Record<string, Render>> = {
  ...blocks(2, 'article aside body details dialog dl fieldset figure footer form header main nav p section'),
  ...blocks(
    1,
    'address caption center dd div dt figcaption frameset hgroup html legend li menuitem optgroup option search ' +
      'select slot summary table tbody td tfoot th thead tr',
  ),
  ...Object.fromEntries(['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => [name, block(2, heading)])),
  ...Object.fromEntries(['button', 'label', 'textarea', 'output', 'text', 'tspan'].map((name) => [name, spaced])),
  ...Object.fromEntries(['pre', 'listing', 'xmp', 'plaintext'].map((name) => [name, block(2, preformatted)])),
  ...Object.fromEntries(['ul', 'ol', 'menu', 'dir'].map((name) => [name, block(1, renderList(renderNodes))])),
  a: link,
  blockquote: block(2, indented('> ')),
  br: (_, { writer }) => writer.newLine(),
  dd: block(1, indented('  ', ': ')),
  hr: (_, { writer }) => writer.breakLine(2),
  img: image,
  input,
  math: ({ children }, { writer }) => writer.text(` ${mathText(children)} `),
  q: quoted('"', '"'),
  rt: quoted('(', ')'),
  sub: script('_'),
  sup: script('^'),
  table: block(2, table),
  // Of a drawing.
  title: spaced,
};

/** Text of an element without its marks, for a title. */
export const titleText = ({ children }: Element): string => plainText(children);
