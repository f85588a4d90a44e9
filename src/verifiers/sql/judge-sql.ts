import type { DuckDBConnection } from '@duckdb/node-api';
import { UserError } from '../../support/errors.js';
import { clip } from '../code/outcome.js';
import { conceal } from '../conceal.js';
import type { Judgement } from '../verifier.js';
import { isChanging } from './changing.js';
import { difference } from './compare.js';
import { runQuery, runScript, SqlTimeout, type Table, withDatabase } from './database.js';
import { extractQuery, withoutProse } from './extract.js';
import { tieRuns } from './order.js';
import { type Parsed, parseQuery } from './parse.js';
import { querySeconds, type SqlSettings, type SqlTask, taskSeconds } from './settings.js';

const MORE_ROWS = 1000;

/**
 * Compares a completion's query with the reference query on every database. Rejects if the task itself does not run.
 *
 * @param within called before each step with its CPU seconds: some DuckDB functions cannot be interrupted
 */
export async function judgeSql(
  settings: SqlSettings,
  task: SqlTask,
  completion: string,
  within: (seconds: number) => void = () => {},
): Promise<Judgement> {
  const query = extractQuery(completion);
  if (query === undefined) return refuse('unparseable', 'no SQL query found');
  const evidence = { query: clip(query, 2000) };
  for (const [index, script] of task.databases.entries()) {
    const judgement = await withDatabase(settings.limits, (connection) =>
      judgeOn(connection, settings, task, query, script, `database ${index + 1} of ${task.databases.length}`, within),
    );
    if (judgement) return { ...judgement, evidence: { ...evidence, ...judgement.evidence } };
  }
  return { verdict: 'correct', reward: 1, reason: `right on all ${task.databases.length} databases`, evidence };
}

/** Runs the reference twice on every database. @throws {UserError} `bad-reference` if nothing could be judged by it */
export async function checkSqlTask(
  settings: SqlSettings,
  task: SqlTask,
  within: (seconds: number) => void = () => {},
): Promise<void> {
  let rows = 0;
  for (const [index, script] of task.databases.entries()) {
    const where = `database ${index + 1} of ${task.databases.length}`;
    within(2 * taskSeconds(settings));
    const found = await withDatabase(settings.limits, async (connection) => {
      const { expected, runs } = await runReference(connection, settings, task, script, where);
      const again = await runQuery(connection, task.reference, expected.rows.length, settings.limits);
      if (difference(again, expected, runs, settings) === undefined) return expected;
      throw new UserError('bad-reference', `${where}: the reference query has another result when it runs again`);
    });
    rows += found.rows.length;
  }
  if (rows > 0) return;
  const expected = 'expected a database on which it returns some: every empty query would be correct';
  throw new UserError('bad-reference', `the reference query returns no rows on any database; ${expected}`);
}

const refuse = (verdict: Judgement['verdict'], reason: string, error = ''): Judgement => ({
  verdict,
  reward: 0,
  reason,
  evidence: error === '' ? {} : { error: clip(error) },
});

/** The query of a text that may go on in prose, as DuckDB reads it. */
async function readQuery(
  connection: DuckDBConnection,
  text: string,
): Promise<{ readonly query: string; readonly parsed: Parsed }> {
  const parsed = await parseQuery(connection, text);
  const query = parsed.kind === 'syntax' ? withoutProse(text) : undefined;
  return query === undefined ? { query: text, parsed } : { query, parsed: await parseQuery(connection, query) };
}

async function judgeOn(
  connection: DuckDBConnection,
  settings: SqlSettings,
  task: SqlTask,
  text: string,
  script: string,
  where: string,
  within: (seconds: number) => void,
): Promise<Judgement | undefined> {
  const { query, parsed } = await readQuery(connection, text);
  if (parsed.kind === 'syntax') return refuse('unparseable', 'the query is not valid SQL', parsed.message);
  if (parsed.kind === 'denied') return refuse('denied', 'only one query that reads is allowed', parsed.message);
  // DuckDB would open tables with such names as files.
  const file = parsed.tables.find((name) => /[/\\:*?]|\.\w+$/.test(name));
  if (file !== undefined) return refuse('denied', 'the query reads a file', file);

  const changing = parsed.functions.find((name) => isChanging(name.toLowerCase()));
  if (changing !== undefined)
    return refuse('denied', 'the result of the query can differ from one run to the next', changing);

  within(taskSeconds(settings));
  const { expected, runs } = await runReference(connection, settings, task, script, where);
  let found: Table;
  within(querySeconds(settings));
  try {
    found = await runQuery(connection, query, expected.rows.length + MORE_ROWS, settings.limits);
  } catch (cause) {
    if (cause instanceof SqlTimeout)
      return refuse('timeout', `${where}: the query takes longer than ${settings.limits.seconds} s`);
    // DuckDB suggests names from the tables.
    const said = cause instanceof Error ? cause.message : String(cause);
    const message = conceal(said, [script, task.reference], [query]);
    if (/disabled by configuration|Permission Error|locked/.test(said)) {
      return refuse('denied', 'the query reaches outside the database', message);
    }
    if (/Out of Memory/i.test(said)) return refuse('crash', `${where}: the query takes too much memory`);
    return refuse('incorrect', `${where}: the query fails`, message);
  }
  const reason = difference(found, expected, runs, settings);
  return reason === undefined ? undefined : refuse('incorrect', `${where}: ${reason}`);
}

async function runReference(
  connection: DuckDBConnection,
  settings: SqlSettings,
  task: SqlTask,
  script: string,
  where: string,
): Promise<{ readonly expected: Table; readonly runs?: readonly number[] }> {
  let what = 'script';
  try {
    await runScript(connection, script, settings.limits);
    what = 'reference query';
    const parsed = await parseQuery(connection, task.reference);
    if (parsed.kind !== 'query') throw new Error('Parser Error');
    const limits = { ...settings.limits, seconds: settings.limits.seconds * 5 };
    const expected = await runQuery(connection, task.reference, 1_000_000, limits);
    if (task.ordered === false || (task.ordered === undefined && parsed.order.length === 0)) return { expected };
    if (parsed.order.length === 0) return { expected, runs: expected.rows.map(() => 1) };
    return { expected, runs: await tieRuns(connection, parsed, expected, limits, settings.tolerance) };
  } catch (cause) {
    // Only the kind of error: the rest of the message quotes the reference.
    const message = cause instanceof Error ? (cause.message.split(':')[0] ?? '') : String(cause);
    const error = cause instanceof SqlTimeout ? 'it takes too long' : clip(message, 100);
    throw new UserError('bad-reference', `${where}: the ${what} does not run: ${error}`);
  }
}
