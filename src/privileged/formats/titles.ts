import { parse } from 'yaml';

const MAX_TITLE = 200;
const MAX_FRONT_MATTER = 64 << 10;
/** Lines in which a title is looked for. */
const MAX_LINES = 20_000;

/** A title on one line, without control characters; undefined for a blank one. */
export function tidyTitle(title: string | undefined): string | undefined {
  const text = title
    ?.slice(0, 4 * MAX_TITLE)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, MAX_TITLE);
  return text === '' ? undefined : text;
}

/**
 * Title of a Markdown text: that of its front matter (YAML or TOML), else its first heading outside code and comments.
 */
export function markdownTitle(text: string): string | undefined {
  const { title, rest } = frontMatter(text);
  return title ?? firstHeading(rest);
}

interface FrontMatter {
  readonly title: string | undefined;
  /** The text after it. */
  readonly rest: string;
}

function frontMatter(text: string): FrontMatter {
  const none = { title: undefined, rest: text };
  const fence = /^(---|\+\+\+)[ \t]*\n/.exec(text);
  if (!fence) return none;
  const [opening, mark] = fence;
  const start = text.slice(opening.length, opening.length + MAX_FRONT_MATTER);
  const end = /^(---|\.\.\.|\+\+\+)[ \t]*$/m.exec(start);
  if (!end) return none;
  const block = start.slice(0, end.index);
  return {
    title: tidyTitle(mark === '---' ? yamlTitle(block) : tomlTitle(block)),
    rest: text.slice(opening.length + end.index + end[0].length),
  };
}

/** Only the lines of the title are parsed: the time that YAML takes may grow faster than its length. */
function yamlTitle(block: string): string | undefined {
  const line = /^(?:title|"title"|'title')[ \t]*:.*\n?(?:[ \t]+.*\n?)*/m.exec(block)?.[0];
  if (line === undefined) return undefined;
  try {
    const fields: unknown = parse(line.slice(0, 4 * MAX_TITLE), { logLevel: 'error' });
    const isFields = typeof fields === 'object' && fields !== null && 'title' in fields;
    return isFields && typeof fields.title !== 'object' && fields.title !== null ? String(fields.title) : undefined;
  } catch {
    return undefined;
  }
}

function tomlTitle(block: string): string | undefined {
  const fields = block.split(/^[ \t]*\[/m, 1)[0];
  return /^[ \t]*title[ \t]*=[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')/m
    .exec(fields ?? '')
    ?.slice(1)
    .find((title) => title !== undefined)
    ?.replace(/\\(["\\])/g, '$1');
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/** The first ATX, setext or HTML heading. */
function firstHeading(text: string): string | undefined {
  let fence = '';
  let isComment = false;
  let above = '';
  for (const line of linesOf(text, MAX_LINES)) {
    if (isComment) {
      isComment = !line.includes('-->');
      continue;
    }
    const mark = FENCE.exec(line)?.[1];
    if (fence !== '') {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = '';
      continue;
    }
    if (mark) {
      fence = mark;
      above = '';
      continue;
    }
    if (line.trimStart().startsWith('<!--')) {
      isComment = !line.includes('-->');
      continue;
    }
    const found = tidyTitle(atxTitle(line) ?? htmlTitle(line) ?? (isUnderline(line) ? above : undefined));
    if (found !== undefined) return found;
    above = isParagraph(line) ? (above === '' ? line.trim() : `${above} ${line.trim()}`).slice(0, 4 * MAX_TITLE) : '';
  }
  return undefined;
}

/** The first lines, each cut to what a title can need. */
function* linesOf(text: string, most: number): Generator<string> {
  let start = 0;
  for (let count = 0; count < most && start < text.length; count++) {
    const end = text.indexOf('\n', start);
    const stop = end < 0 ? text.length : end;
    yield text.slice(start, Math.min(stop, start + 8 * MAX_TITLE));
    start = stop + 1;
  }
}

function atxTitle(line: string): string | undefined {
  const opening = /^ {0,3}#{1,6}(?=[ \t]|$)/.exec(line);
  if (!opening) return undefined;
  const title = line.slice(opening[0].length).trim();
  const bare = title.replace(/#+$/, '');
  // A closing sequence follows a space: `# C#` keeps its sign.
  return bare === '' || /[ \t]$/.test(bare) ? bare.trim() : title;
}

const htmlTitle = (line: string): string | undefined => /^ {0,3}<h[1-6](?:\s[^>]*)?>([^<]+)<\/h[1-6]>/i.exec(line)?.[1];

const isUnderline = (line: string): boolean => /^ {0,3}(=+|-+)[ \t]*$/.test(line);

/** Whether a line can be part of a paragraph, of which an underline makes a heading. */
const isParagraph = (line: string): boolean =>
  line.trim() !== '' && !/^( {4}|\t| {0,3}([>|<]|#{1,6}[ \t]|[-*+][ \t]|\d{1,9}[.)][ \t]))/.test(line);
