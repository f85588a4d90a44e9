import { type ChildNode, isTag } from 'domhandler';
import mammoth from 'mammoth';
import { unreadable } from '../errors.js';
import type { Content, OptionalPart } from '../extracted.js';
import { htmlContent } from '../html/html.js';
import { firstElement, plainText } from '../html/parse.js';
import { tidyTitle } from '../titles.js';
import { type Parts, pack, unpack } from './package.js';
import { type HiddenStyles, hiddenStyles, prepare } from './prepare.js';
import { parseXml, writeXml } from './xml.js';

const BODY_PARTS = /^word\/(?:document\d*|footnotes|endnotes|comments)\.xml$/;
const MARGIN_PARTS = /^word\/(header|footer)\d*\.xml$/;

/**
 * The text of a Word document: what a reader of it sees, with footnotes at the end. Its title is that of its
 * properties, else the first heading.
 * @param include parts that are otherwise left out
 * @throws {UserError} `document-unreadable`, `document-huge`
 */
export async function docxContent(
  path: string,
  bytes: Uint8Array,
  include: readonly OptionalPart[] = [],
): Promise<Content> {
  try {
    const parts = unpack(path, bytes);
    const omitted = prepareParts(path, parts, include.includes('headers'));
    const comments = include.includes('comments') ? ['comment-reference => sup'] : [];
    const { value, messages } = await mammoth.convertToHtml(
      { buffer: Buffer.from(pack(parts)) },
      {
        styleMap: ["p[style-name='Title'] => h1:fresh", ...comments],
        // Their alternative texts are kept without reading them.
        convertImage: mammoth.images.imgElement(async () => ({ src: '' })),
      },
    );
    const { text, title } = htmlContent(path, value);
    omitted.push(...messages.map(({ message }) => unknownElement(message)).filter((name) => name !== undefined));
    return { text, title: propertyTitle(path, parts) ?? title, omitted: counted(omitted) };
  } catch (error) {
    throw unreadable(path, 'docx', error);
  }
}

/** Prepares every part with text. @returns what the document contains and the text does not */
function prepareParts(path: string, parts: Parts, withMargins: boolean): string[] {
  const styles = parts.get('word/styles.xml');
  const hidden = styles === undefined ? new Set<string>() : hiddenStyles(parseXml(path, styles).children);
  const omitted: string[] = [];
  for (const [name, xml] of parts) {
    if (!BODY_PARTS.test(name)) continue;
    const { children } = parseXml(path, xml);
    omitted.push(...prepare(children, hidden));
    if (withMargins && name.startsWith('word/document')) addMargins(path, parts, children, hidden);
    parts.set(name, writeXml(children));
  }
  return omitted;
}

/** Puts headers before the text and footers after it, each different one once. */
function addMargins(path: string, parts: Parts, document: readonly ChildNode[], hidden: HiddenStyles): void {
  const body = firstElement(document, 'w:body');
  if (!body) return;
  const seen = new Set<string>();
  for (const name of [...parts.keys()].sort()) {
    const kind = MARGIN_PARTS.exec(name)?.[1];
    const xml = parts.get(name);
    if (kind === undefined || xml === undefined) continue;
    const root = parseXml(path, xml).children.find(isTag);
    if (!root) continue;
    prepare([root], hidden);
    unlink(root.children);
    const text = plainText(root.children).trim();
    if (text === '' || seen.has(kind + text)) continue;
    seen.add(kind + text);
    if (kind === 'header') body.children.unshift(...root.children);
    else body.children.push(...root.children);
  }
}

/** Ids of links and pictures belong to the header's own part: they would name others in the document. */
function unlink(nodes: readonly ChildNode[]): void {
  for (const node of nodes) {
    if (!isTag(node)) continue;
    if (node.name === 'w:drawing' || node.name === 'v:imagedata') node.children = [];
    for (const id of ['r:id', 'r:embed', 'r:link']) delete node.attribs[id];
    unlink(node.children);
  }
}

/** Elements that the reader left out, of those that may matter. */
function unknownElement(message: string): string | undefined {
  const name = /^An unrecognised element was ignored: (.{1,60})$/.exec(message)?.[1];
  if (name !== undefined) return harmless.test(name) ? undefined : `element ${name}`;
  return message.startsWith('A w:sym element with an unsupported character') ? 'symbol' : undefined;
}

/** Marks, separators and properties, and what `prepare` tells of by its own name. */
const harmless = /^(w:(?!t$).*(?:Range|Pr|Ex)?(?:Start|End)?$|m:.*|wp14?:|o:|v:|a14:|\{|w1\d:)/;

function counted(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Array.from(counts, ([name, count]) => (count === 1 ? `1 ${name}` : `${count} ${name}s`));
}

function propertyTitle(path: string, parts: Parts): string | undefined {
  const xml = parts.get('docProps/core.xml');
  const title = xml === undefined ? undefined : firstElement(parseXml(path, xml).children, 'dc:title');
  return title && tidyTitle(plainText(title.children));
}
