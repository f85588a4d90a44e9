import { parseExact } from '../../support/exact-json.js';
import { DATA, hashOf } from '../judge.js';
import type { PooledKind } from '../kind.js';
import { optionalDataOf } from '../reference.js';
import { type JsonSchemaSettings, jsonSchemaSettings, readJsonSchemaTask } from './settings.js';

export const jsonSchema: PooledKind<JsonSchemaSettings> = {
  name: 'json-schema',
  summary: 'the completion contains JSON that is valid under the schema (drafts 7, 2019-09, 2020-12 with formats)',
  settings: jsonSchemaSettings,
  runs: 'in the pool',
  quick: true,
  line: { answer: 'none', data: ['schema', 'values'], settings: ['bare'] },
  async open(settings, { where }) {
    const [{ judgeJsonSchema }, { validatorOf }] = await Promise.all([
      import('./judge-json.js'),
      import('./validator.js'),
    ]);
    if (settings.schema !== undefined) validatorOf(settings.schema, `${where}.schema`, true);
    return {
      hash: hashOf('json-schema', settings),
      seconds: 2,
      judge: (asked, at = DATA) =>
        judgeJsonSchema(settings, readJsonSchemaTask(optionalDataOf(asked, at, parseExact), at), asked.completion, at),
    };
  },
};
