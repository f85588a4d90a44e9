// The part of docs/algorithms.md that follows from the registry of methods. `npm run records` writes it.
import { z } from 'zod';
import { fields, table } from './schema-fields.mjs';

const [begin, end] = ['<!-- methods: `npm run records` -->', '<!-- end of methods -->'];

/** The page with its methods updated. */
export function withMethods(page, methods) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/algorithms.md: expected the lines ${begin} and ${end}`);
  const overview = table(
    ['method', 'what it does', 'teacher'],
    methods.map((method) => [`\`${method.name}\``, method.summary, teacherText(method)]),
  );
  const parts = methods.map((method) => [`### \`${method.name}\``, ...settingsOf(method), ...statisticsOf(method)]);
  const text = [overview, ...parts.flat()].join('\n\n');
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

function settingsOf({ name, settings }) {
  const schema = z.toJSONSchema(settings, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  const rows = fields(schema)
    .filter(({ path }) => !path.includes('.'))
    .map(({ path, type, otherwise, description }) => [`\`shape.${name}.${path}\``, type, otherwise, description]);
  return rows.length > 0 ? [table(['setting', 'takes', 'default', 'meaning'], rows)] : [];
}

function statisticsOf({ statistics }) {
  const rows = Object.entries(statistics).map(([name, meaning]) => [`\`${name}\``, meaning]);
  return rows.length > 0 ? [table(['statistic, mean per step in `metrics`', 'meaning'], rows)] : [];
}

/** What the method with its default settings asks of a teacher. */
function teacherText({ settings, create }) {
  const { teacher } = create(settings.parse({}));
  if (teacher.scores === 'none') return 'none';
  const top = teacher.k === 'all' ? 'the whole vocabulary' : `the ${teacher.k} likeliest tokens`;
  const scores = teacher.scores === 'topK' ? top : 'sampled tokens';
  const model = teacher.model === 'self' ? 'a snapshot of the policy' : 'a second model';
  const context = { privileged: 'privileged context', siblings: 'the rest of the group', none: 'the same prompt' };
  return `scores of ${scores} by ${model}, which sees ${context[teacher.context]}`;
}
