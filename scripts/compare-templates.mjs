// Compares how the chat templates of a folder render here and in transformers.
//
//   node scripts/compare-templates.mjs FOLDER [PYTHON]
//
// FOLDER: files that end in .jinja, or tokenizer_config.json files, in it and its subfolders. PYTHON: an interpreter
// with transformers, jinja2 and numpy installed; default python3. Needs a build (npm run build).
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileTemplate } from '../dist/support/jinja/index.js';

const [folder, python = 'python3'] = process.argv.slice(2);
if (!folder) {
  console.error('usage: node scripts/compare-templates.mjs FOLDER [PYTHON]');
  process.exit(2);
}

const tool = (name) => ({
  type: 'function',
  function: {
    name,
    description: `Gets "${name}" <b> & é\ntwo`,
    parameters: {
      type: 'object',
      properties: { place: { type: 'string', enum: ['a', 'b'] }, count: { type: ['integer', 'null'], default: 3 } },
      required: ['place'],
    },
  },
});
const call = (id, args) => ({ id, type: 'function', function: { name: 'weather', arguments: args } });
const user = (content) => ({ role: 'user', content });
const system = { role: 'system', content: ' You are <helpful>.\n' };
const conversations = {
  user: [user('Hello é')],
  system: [system, user(' Hi \n')],
  turns: [system, user('Hello'), { role: 'assistant', content: 'Hi\n' }, user('More')],
  reasoning: [
    user('1?'),
    { role: 'assistant', content: 'yes', reasoning_content: 'so\n', thinking: 'so\n' },
    user('2?'),
  ],
  thinkTags: [user('1?'), { role: 'assistant', content: '<think>\nso\n</think>\n\nyes' }, user('2?')],
  answered: [user('1?'), { role: 'assistant', content: 'done' }],
  called: [
    user('weather?'),
    {
      role: 'assistant',
      content: '',
      tool_calls: [call('call12345', { place: 'a', count: null, list: [1, true, 'x'] })],
    },
    { role: 'tool', name: 'weather', tool_call_id: 'call12345', content: '{"t": 25}' },
    user('thanks'),
  ],
  parts: [{ role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'What?' }] }],
};
const settings = {
  plain: {},
  prompt: { add_generation_prompt: true },
  thinking: { add_generation_prompt: true, enable_thinking: true },
  noThinking: { add_generation_prompt: true, enable_thinking: false },
};

const templates = readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
  if (name.endsWith('.jinja')) return [{ name, template: readFileSync(join(folder, name), 'utf8') }];
  if (!name.endsWith('tokenizer_config.json')) return [];
  const { chat_template: template } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  return typeof template === 'string' ? [{ name, template }] : [];
});
const cases = templates.flatMap(({ name, template }) =>
  Object.entries(conversations).flatMap(([conversation, messages]) =>
    [null, [tool('weather'), tool('search')]].flatMap((tools) =>
      Object.entries(settings).map(([setting, variables]) => ({
        name: `${name} ${conversation} ${tools ? 'tools' : 'no tools'} ${setting}`,
        template,
        values: {
          messages,
          tools,
          documents: null,
          add_generation_prompt: false,
          bos_token: '<s>',
          eos_token: '</s>',
          ...variables,
        },
      })),
    ),
  ),
);

const reference = `
import datetime, json, sys
from transformers.utils import chat_template_utils as utils
class Recorded(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 5)
utils.datetime = Recorded
for line in sys.stdin:
    case = json.loads(line)
    try:
        text = utils._compile_jinja_template(case["template"]).render(**case["values"])
        print(json.dumps({"text": text}))
    except Exception as error:
        print(json.dumps({"error": str(error)[:200]}))
`;
const expected = execFileSync(python, ['-W', 'ignore', '-c', reference], {
  input: cases.map(({ template, values }) => `${JSON.stringify({ template, values })}\n`).join(''),
  encoding: 'utf8',
  maxBuffer: 2 ** 31 - 1,
  stdio: ['pipe', 'pipe', 'ignore'],
})
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

const counts = { same: 0, fails: 0, refused: 0, differs: 0 };
for (const [i, { name, template, values }] of cases.entries()) {
  const { text } = expected[i];
  let found;
  try {
    found = { text: compileTemplate(template).render(values, { date: { year: 2026, month: 1, day: 5 } }) };
  } catch (error) {
    found = { error };
  }
  const isSame = found.text === text;
  const kind = !isSame
    ? found.error?.name === 'UnsupportedError'
      ? 'refused'
      : 'differs'
    : text === undefined
      ? 'fails'
      : 'same';
  counts[kind]++;
  if (kind === 'refused') console.log(`refused: ${name}: ${found.error.message}`);
  if (kind === 'differs')
    console.log(`differs: ${name}\n  there ${JSON.stringify(expected[i])}\n  here  ${JSON.stringify(found)}`);
}
console.log(
  `${templates.length} templates, ${cases.length} conversations: ${counts.same} the same, ${counts.fails} fail in ` +
    'both, ' +
    `${counts.refused} refused by name, ${counts.differs} differ`,
);
process.exitCode = counts.differs > 0 ? 1 : 0;
