// The part of docs/algorithms.md that follows from the registry of losses. `npm run records` writes it.
import { z } from 'zod';
import { fields, table } from './schema-fields.mjs';

const [begin, end] = ['<!-- losses: `npm run records` -->', '<!-- end of losses -->'];

/** The page with its losses written again. */
export function withLosses(page, losses) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/algorithms.md: expected the lines ${begin} and ${end}`);
  const overview = table(
    ['loss', 'what it is', 'samples carry', 'metrics'],
    losses.map((loss) => {
      const { inputs, metrics } = loss.create();
      return [`\`${loss.name}\``, loss.summary, names(inputs), names(metrics)];
    }),
  );
  const rows = losses.flatMap(settingsOf);
  const settings = table(['setting', 'takes', 'default', 'meaning'], rows);
  return `${page.slice(0, from + begin.length)}\n\n${overview}\n\n${settings}\n\n${page.slice(to)}`;
}

const names = (list) => (list.length === 0 ? 'none' : list.map((name) => `\`${name}\``).join(', '));

function settingsOf({ name, settings }) {
  const schema = z.toJSONSchema(settings, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  return fields(schema)
    .filter(({ path }) => !path.includes('.'))
    .map(({ path, type, otherwise, description }) => [`\`learn.loss.${name}.${path}\``, type, otherwise, description]);
}
