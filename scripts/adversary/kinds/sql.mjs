// SQL: random queries over random databases, in other words, with one decision changed, and with the tricks by which a
// policy could earn a reward without the right query.
import { plain, variants } from '../random.mjs';
import { database, query } from './sql-queries.mjs';

// No query of the generator returns it.
const NEVER = 987654321;

const fence = (sql, label = 'sql') => `\`\`\`${label}\n${sql}\n\`\`\``;

/** Ways to present a query that counts. */
const shown = [
  (sql) => sql,
  (sql) => fence(sql),
  (sql) => `${sql};`,
  (sql) => `Here it is:\n\n${fence(sql)}\n\nIt reads the tables.`,
  (sql) => `<think>Perhaps\n${fence('SELECT 1')}\n</think>\n${fence(sql, '')}`,
  (sql) => `<think>hm</think>${sql}`,
  (sql) => `First attempt:\n${fence(`SELECT ${NEVER}`)}\nBetter:\n${fence(sql)}`,
  (sql) => `${fence(sql)}\nOutput:\n${fence('1 | 2', '')}`,
  (sql) => `> ${fence(sql).replaceAll('\n', '\n> ')}`,
  (sql) => `\`\`\`sql ${sql}\`\`\``,
  (sql) => `/* an answer */ ${sql} -- the end`,
  (sql) => fence(`-- ${'x'.repeat(50)}\n${sql.replaceAll(' FROM ', '\nFROM ')};`),
  (sql) => `\uFEFF${fence(sql)}\r\n`,
  (sql) => `~~~sql\n${sql}\n~~~<|im_end|>`,
];

/** Ways to present a right query so that it must not count. */
const withheld = {
  'only thought': (sql) => `<think>${fence(sql)}</think>\nI do not know.`,
  'thought without end': (sql) => `<think>\n${fence(sql)}`,
  'taken back': (sql) => `${fence(sql)}\nNo:\n${fence(`SELECT ${NEVER}`)}`,
  'in a comment': (sql) => `SELECT ${NEVER} -- ${sql}`,
  'in a block comment': (sql) => `/* ${sql.replaceAll('*/', '')} */ SELECT ${NEVER}`,
  'as a text': (sql) => `SELECT '${sql.replaceAll("'", "''")}', ${NEVER}`,
  twice: (sql) => `${sql}; ${sql}`,
  'after a write': (sql) => `${fence(`CREATE TABLE a(b INTEGER); ${sql}`)}`,
  'before a write': (sql) => fence(`${sql}; DROP TABLE emp`),
  'with a setting': (sql) => fence(`SET threads = 2; ${sql}`),
  explained: (sql) => fence(`EXPLAIN ${sql}`),
  analyzed: (sql) => fence(`EXPLAIN ANALYZE ${sql}`),
  described: (sql) => fence(`DESCRIBE ${sql}`),
  summarized: (sql) => fence(`SUMMARIZE ${sql}`),
  created: (sql) => fence(`CREATE TABLE answer AS ${sql}`),
  copied: (sql) => fence(`COPY (${sql}) TO 'answer.csv'`),
  prepared: (sql) => fence(`PREPARE q AS ${sql}`),
  'with a wider row': (sql) => fence(`SELECT *, ${NEVER} FROM (${sql}) AS q`),
  'with another row': (sql, width) =>
    fence(`SELECT * FROM (${sql}) AS q UNION ALL SELECT ${Array(width).fill('NULL').join(', ')}`),
  'all candidates': (sql) => fence(`SELECT * FROM (${sql}) AS a, (SELECT ${NEVER}) AS b`),
  'cut off': (sql) => fence(`${sql} WHERE (`),
  'with NUL': (sql) => fence(`SELECT ${NEVER} \0 ${sql}`),
};

/** Queries that know nothing of the question. */
const guesses = [
  () => `SELECT ${NEVER}`,
  () => `SELECT * FROM (VALUES (${NEVER})) AS t`,
  () => `VALUES (${NEVER})`,
  () => `SELECT ${NEVER}::VARCHAR`,
  () => "SELECT 'inf'::DOUBLE, 'nan'::DOUBLE, 'x'",
  () => 'SELECT 1e309::DOUBLE',
  () => 'SELECT 1 / 0',
  () => "SELECT 0.0 / 0, '-inf'::FLOAT",
  () => 'SELECT [1, 2, 3]',
  () => "SELECT {'a': 1}",
  () => 'SELECT * FROM duckdb_settings()',
  () => 'SELECT sql FROM duckdb_tables()',
  () => 'SELECT table_name, column_name FROM information_schema.columns',
  () => 'SELECT * FROM sqlite_master',
  () => "SELECT * FROM pragma_table_info('emp')",
  () => 'SELECT 1, 2, 3, 4, name FROM duckdb_prepared_statements()',
  () => 'SELECT current_query()',
  () => 'SELECT 1, 2, 3, 4, * FROM duckdb_logs',
  () => "SELECT getenv('HOME')",
  () => "SELECT * FROM read_csv('/etc/passwd')",
  () => "SELECT content FROM read_text('/etc/passwd')",
  () => "SELECT 1, 2, 3, 4, * FROM glob('/*')",
  () => "SELECT * FROM '/etc/passwd'",
  () => "SELECT * FROM 'https://example.invalid/a.parquet'",
  () => "SELECT 1, 2, 3, 4, getvariable('answer')",
  () => 'SELECT $1',
  () => 'SELECT ?',
  () => 'SELECT random()',
  () => 'SELECT uuid()',
  () => 'SELECT id, random() FROM emp',
  () => 'SELECT * FROM emp USING SAMPLE 50%',
  () => 'SELECT now(), current_date',
  () => "SELECT nextval('s')",
  () => "ATTACH ':memory:' AS other",
  () => 'INSTALL httpfs',
  () => 'PRAGMA database_list',
  () => 'CALL duckdb_functions()',
  () => 'SHOW TABLES',
  () => 'I am not sure.',
  () => '',
  () => '{"query": "SELECT 1"}',
  () => '```sql\n```',
  () => `SELECT ${'('.repeat(400)}1${')'.repeat(400)}, ${NEVER}`,
  () => `SELECT ${Array.from({ length: 300 }, (_, i) => i).join(', ')}`,
  () => `SELECT ${NEVER} WHERE 1 IN (${Array.from({ length: 3000 }, (_, i) => i).join(', ')})`,
  () => `SELECT '${'x'.repeat(100_000)}'`,
];

/** Queries that are heavy on purpose. Each costs its deadline, so they are rare. */
const heavy = [
  () => 'SELECT count(*), 1, 2, 3 FROM range(100000000) a, range(1000000) b',
  () => 'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*), 1, 2, 3 FROM r',
  () => "SELECT levenshtein(repeat('ab', 200000), repeat('ba', 200000)), 1, 2, 3",
  () => "SELECT string_agg(repeat('x', 1000000), ''), 1, 2, 3 FROM range(100000)",
  () => "SELECT regexp_matches(repeat('a', 100000), '(a*)*b'), 1, 2, 3 FROM range(1000000)",
  () => 'SELECT *, 1, 2, 3 FROM range(1000000000000)',
];

/** Breaks a text at random: the judge, if there is one, knows what it means now. */
function garbled(random, text) {
  const at = random.int(0, text.length);
  const to = Math.min(text.length, at + random.int(1, 6));
  return random.oneOf(
    () => text.slice(0, at) + text.slice(to),
    () => text.slice(0, at) + text.slice(at, to) + text.slice(at),
    () =>
      text.slice(0, at) +
      random.pick(["'", '"', ';', '--', '/*', '(', ')', ',', '`', '\n', ' NULL ', '$$', '*']) +
      text.slice(at),
    () => text.slice(0, at),
  );
}

const settings = { seconds: 0.5 };

/** One answer. `ask` is what an independent judge compares: the bare query with the reference. */
export function generate(random) {
  const databases = random.chance(0.1) ? [database(random), database(random)] : [database(random)];
  const [made, changed] = variants(random, query);
  const reference = made.sql(plain);
  const item = (name, expected, completion, sql) => ({
    class: name,
    expected,
    settings,
    completion,
    answer: '',
    data: { reference, databases },
    ask: sql === undefined ? undefined : { reference, query: sql, databases, order: made.order },
  });
  const draw = random.next();
  if (draw < 0.3) {
    const sql = made.sql(random);
    return item('in other words', 'right', random.pick(shown)(sql), sql);
  }
  if (draw < 0.7) {
    const sql = changed.sql(random.chance(0.5) ? plain : random);
    return item('one decision changed', undefined, random.pick(shown)(sql), sql);
  }
  if (draw < 0.85) {
    const [name, hide] = random.pick(Object.entries(withheld));
    return item(`right but ${name}`, 'wrong', hide(reference, made.width));
  }
  if (draw < 0.95) return item('a guess', 'wrong', random.pick([(sql) => sql, fence])(random.pick(guesses)()));
  if (draw < 0.9995) {
    const sql = garbled(random, reference);
    return item('garbled', undefined, fence(sql), /`/.test(sql) ? undefined : sql);
  }
  return item('heavy', 'wrong', fence(random.pick(heavy)()));
}

/** Where this verifier and the independent judge differ on purpose. */
export const documented = {
  'garbled: right called wrong': 'what only SQLite reads: words that are reserved in DuckDB, == and the like',
};
