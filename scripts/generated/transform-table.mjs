// The part of docs/operators.md that follows from the registry of transforms. `npm run records` writes it.
import { z } from 'zod';
import { fields, table } from './schema-fields.mjs';

const [begin, end] = ['<!-- transforms: `npm run records` -->', '<!-- end of transforms -->'];

/** The page with its transforms updated. */
export function withTransforms(page, transforms) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/operators.md: expected the lines ${begin} and ${end}`);
  const overview = table(
    ['transform', 'what it does', 'behind'],
    transforms.map(({ name, summary, topics }) => [
      `\`${name}\``,
      summary,
      topics.length === 4 ? 'any topic of samples' : topics.map((topic) => `\`${topic}\``).join(', '),
    ]),
  );
  const settings = table(['setting', 'takes', 'default', 'meaning'], transforms.flatMap(settingsOf));
  return `${page.slice(0, from + begin.length)}\n\n${overview}\n\n${settings}\n\n${page.slice(to)}`;
}

function settingsOf({ name, settings }) {
  const schema = z.toJSONSchema(settings, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  return fields(schema).map(({ path, type, otherwise, description }) => [
    `\`${name}.${path}\``,
    type,
    otherwise,
    description,
  ]);
}
