import { describe, expect, it } from 'vitest';
import { runQuery, runScript, SqlTimeout, withDatabase } from '../../../src/verifiers/sql/database.js';

const limits = { seconds: 2, memoryBytes: 256 << 20 };
const rowsOf = (query: string) =>
  withDatabase(limits, async (connection) => (await runQuery(connection, query, 100, limits)).rows);
const prepared = (script: string) => withDatabase(limits, (connection) => runScript(connection, script, limits));

describe('a database', () => {
  it.each([
    ['a table', 'create table t(a int)', 'select * from t'],
    ['a table under its full name', 'create table memory.main.t(a int)', 'select * from memory.main.t'],
    ['a temporary table', 'create temp table t(a int)', 'select * from t'],
    ['a table of a database next to it', "attach ':memory:' as o; create table o.t(a int)", 'select * from o.t'],
    ['a schema', 'create schema s; create table s.t(a int)', 'select * from s.t'],
    ['a function', 'create macro f(x) as x + 1', 'select f(1)'],
    ['a temporary function', 'create temp macro f(x) as x + 1', 'select f(1)'],
    ['a type', "create type mood as enum('a')", "select 'a'::mood"],
    ['a sequence', 'create sequence s', "select nextval('s')"],
    ['a prepared statement', 'prepare p as select 1', 'execute p'],
  ])('is gone after its use with %s', async (_, script, query) => {
    await withDatabase(limits, async (connection) => {
      await runScript(connection, script, limits);
      await runQuery(connection, query, 1, limits);
    });
    await expect(rowsOf(query)).rejects.toThrow();
  });

  it('forgets variables', async () => {
    await prepared('set variable v = 5');
    expect(await rowsOf("select getvariable('v')")).toEqual([[null]]);
  });

  it('is called the same in every use, and has no table', async () => {
    await prepared("attach ':memory:' as other; use other; create table t(a int)");
    for (let use = 0; use < 3; use++) {
      expect(await rowsOf('select current_database(), current_schema()')).toEqual([['memory', 'main']]);
      expect(await rowsOf('select table_name from duckdb_tables()')).toEqual([]);
      expect(await rowsOf("select database_name from duckdb_databases() where database_name = 'other'")).toEqual([]);
    }
  });

  it('is the own one of each of several at a time', async () => {
    const together = [1, 2, 3].map((n) =>
      withDatabase(limits, async (connection) => {
        await runScript(connection, `create table t as select ${n} as a`, limits);
        return runQuery(connection, 'select a::varchar from t', 10, limits);
      }),
    );
    expect((await Promise.all(together)).map(({ rows }) => rows[0]?.[0])).toEqual(['1', '2', '3']);
  });

  it('of a use that was stopped is followed by a sound one', async () => {
    const endless = 'select count(*) from range(100000000) a, range(1000000) b';
    const short = { ...limits, seconds: 0.05 };
    await expect(withDatabase(short, (connection) => runQuery(connection, endless, 1, short))).rejects.toThrow(
      SqlTimeout,
    );
    expect(await rowsOf('select 1')).toHaveLength(1);
  });
});
