import type { ChildNode } from 'domhandler';
import { tooLong } from '../errors.js';
import { type Content, maxDocumentCharacters } from '../extracted.js';
import { tidyTitle } from '../titles.js';
import { isLeftOut } from './hidden.js';
import { elementsOf, parseMarkup } from './parse.js';
import { renderText, titleText } from './render.js';

/**
 * The text of an HTML page. Its title is the `<title>`, else the first heading.
 * @throws {UserError} `document-unreadable`, `document-huge`
 */
export function htmlContent(path: string, html: string): Content {
  if (html.length > maxDocumentCharacters) throw tooLong(path, String(html.length));
  const { children } = parseMarkup(path, html);
  return { text: renderText(path, children), title: titleOf(children) };
}

function titleOf(nodes: readonly ChildNode[]): string | undefined {
  let heading: string | undefined;
  for (const element of elementsOf(nodes, ({ name }) => name === 'svg')) {
    if (element.name === 'title') {
      const title = tidyTitle(titleText(element));
      if (title !== undefined) return title;
    }
    if (heading === undefined && /^h[1-6]$/.test(element.name) && !isLeftOut(element))
      heading = tidyTitle(titleText(element));
  }
  return heading;
}
