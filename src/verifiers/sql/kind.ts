import { DATA, hashOf } from '../judge.js';
import type { PooledKind } from '../kind.js';
import { dataOf } from '../reference.js';
import { readSqlTask, type SqlSettings, sqlSettings, taskSeconds } from './settings.js';

export const sql: PooledKind<SqlSettings> = {
  name: 'sql',
  summary: 'the query has the same result as the reference on every database given',
  settings: sqlSettings,
  runs: 'in the pool',
  quick: false,
  line: {
    answer: 'none',
    data: ['reference', 'databases', 'ordered'],
    settings: ['tolerance', 'columnNames', 'seconds'],
  },
  async open(settings) {
    const { judgeSql } = await import('./judge-sql.js');
    return {
      hash: hashOf('sql', settings),
      seconds: taskSeconds(settings),
      judge: (asked, where = DATA, within) => {
        const { answer } = asked.reference;
        const fields = { ...(answer === '' ? {} : { reference: answer }), ...dataOf(asked, where) };
        return judgeSql(settings, readSqlTask(fields, where), asked.completion, within);
      },
    };
  },
};
