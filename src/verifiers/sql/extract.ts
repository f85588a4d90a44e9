import { spoken } from '../answer/spoken.js';
import { pickFrom } from '../code/block.js';
import { looseBlocks } from '../code/loose-blocks.js';

const dialects = ['sql', 'duckdb', 'postgresql', 'postgres', 'sqlite', 'mysql'];
const WORDS = [
  'select|with|from|values|table|pivot|unpivot|show|describe|summarize|explain|insert|update|delete|merge|create|drop',
  'alter|truncate|copy|export|import|attach|detach|use|install|load|pragma|set|reset|call|begin|commit|rollback',
  'checkpoint|vacuum|analyze|prepare|execute',
].join('|');
// Comments, brackets, then the first word of any statement: one that is not a query is denied, not ignored.
const STATEMENT = new RegExp(`^(?:\\s|--.*\\n|/\\*(?:(?!\\*/)[\\s\\S])*\\*/|\\()*(?:${WORDS})\\b`, 'i');
const STATEMENT_LINE = new RegExp(`^\\s*\\(*(?:${WORDS})\\b|^\\s*(?:\`{3}|~{3})`, 'im');

/**
 * The last block labelled as SQL, or else the last without a label, or a completion that starts as a statement.
 * Thinking does not count.
 */
export function extractQuery(completion: string): string | undefined {
  const text = spoken(completion);
  const block = pickFrom(looseBlocks(text, dialects), dialects);
  if (block) return block.code.trim();
  const bare = text.replace(/^`([^`]+)`$/, '$1').trim();
  return STATEMENT.test(bare) ? bare : undefined;
}

/**
 * A statement without the paragraphs of prose after it. Undefined if there are none, or if they contain another
 * statement.
 */
export function withoutProse(text: string): string | undefined {
  const gap = /\n[ \t]*\n/.exec(text);
  if (!gap) return undefined;
  return STATEMENT_LINE.test(text.slice(gap.index)) ? undefined : text.slice(0, gap.index).trim();
}
