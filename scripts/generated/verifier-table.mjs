// The tables of docs/verifiers.md that follow from the registry of verifiers. `npm run records` writes them.
import { z } from 'zod';
import { fields, table } from './schema-fields.mjs';

const [begin, end] = ['<!-- settings: `npm run records` -->', '<!-- end of settings -->'];

/** The page with its tables updated. */
export function withVerifiers(page, kinds) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/verifiers.md: expected the lines ${begin} and ${end}`);
  const overview = table(
    ['verifier', '`correct` means'],
    kinds.map(({ name, summary }) => [`\`${name}\``, summary]),
  );
  const settings = table(['setting', 'takes', 'default', 'meaning'], kinds.flatMap(settingsOf));
  return `${page.slice(0, from + begin.length)}\n\n${overview}\n\n${settings}\n\n${page.slice(to)}`;
}

/** A module is written as \`verify: { module: … }\`, next to its settings; the others have them below their name. */
function settingsOf({ name, settings }) {
  const schema = z.toJSONSchema(settings, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  const prefix = name === 'module' ? '' : `${name}.`;
  return fields(schema, prefix).map(({ path, type, otherwise, description }) => [
    `\`${path}\``,
    type,
    otherwise,
    description,
  ]);
}
