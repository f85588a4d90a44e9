// Records in words, and how a pupil who is careless about two types writes them as JSON: alone, and with the solution in
// sight.
import { generator } from './draws.mjs';

/** How often the pupil writes a score or a membership as text alone, and any number or truth value with the solution. */
const [SLIP, LEAVE] = [0.6, 0.1];
const NAMES = ['Ada', 'Ben', 'Cleo', 'Dora', 'Emil', 'Fay', 'Gus', 'Hana'];
const FIELDS = {
  name: { type: 'string', values: NAMES },
  friend: { type: 'string', values: NAMES },
  age: { type: 'integer', values: [7, 12, 21, 34, 48, 65] },
  active: { type: 'boolean', values: ['yes', 'no'] },
  score: { type: 'integer', values: [1, 2, 3, 4, 5], isHard: true },
  member: { type: 'boolean', values: ['yes', 'no'], isHard: true },
};

/** A value in the field's type. */
const typed = ({ type }, value) => (type === 'boolean' ? value === 'yes' : value);

const written = (record, slips) => {
  const value = ([name, given]) =>
    JSON.stringify(FIELDS[name].type !== 'string' && slips(name) ? String(given) : typed(FIELDS[name], given));
  return `{ ${record.map((entry) => `"${entry[0]}": ${value(entry)}`).join(', ')} }`;
};

export default generator('json-schema', ({ pick, chance }) => {
  const fields = Object.keys(FIELDS);
  const names = [...new Set([pick(fields), pick(fields), pick(fields)])];
  const record = names.map((name) => [name, pick(FIELDS[name].values)]);
  return {
    question: `JSON: ${record.map(([name, value]) => `${name} ${value}`).join(', ')}`,
    answer: '',
    trace: written(record, () => false),
    data: {
      schema: {
        type: 'object',
        properties: Object.fromEntries(record.map(([name]) => [name, { type: FIELDS[name].type }])),
        required: record.map(([name]) => name),
        additionalProperties: false,
      },
      values: Object.fromEntries(record.map(([name, value]) => [name, typed(FIELDS[name], value)])),
    },
    alone: written(record, (name) => FIELDS[name].isHard && chance(SLIP)),
    guided: written(record, () => chance(LEAVE)),
  };
});
