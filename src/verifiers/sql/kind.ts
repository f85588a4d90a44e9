import { DATA, hashOf } from '../judge.js';
import type { PooledKind } from '../kind.js';
import { optionalDataOf } from '../reference.js';
import type { Question } from '../verifier.js';
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
    const { checkSqlTask, judgeSql } = await import('./judge-sql.js');
    const taskOf = (asked: Question, where: string) => {
      const { answer } = asked.reference;
      const { databases } = settings;
      const ofAll = { ...(answer !== '' && { reference: answer }), ...(databases && { databases }) };
      return readSqlTask({ ...ofAll, ...optionalDataOf(asked, where) }, where);
    };
    return {
      hash: hashOf('sql', settings),
      seconds: taskSeconds(settings),
      judge: (asked, where = DATA, within) => judgeSql(settings, taskOf(asked, where), asked.completion, within),
      checkItem: (asked, where = DATA, within) => checkSqlTask(settings, taskOf(asked, where), within),
    };
  },
};
