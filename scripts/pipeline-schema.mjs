// Writes what follows from the pipeline spec: schemas/pipeline.schema.json and the table of fields in docs/pipeline.md.
// It reads dist/, so build first.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [begin, end] = ['<!-- fields: `npm run records` -->', '<!-- end of fields -->'];
const LARGEST = [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER];

/** The text of the JSON Schema file. */
export function schemaFile(schema) {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** The page with its table of fields made anew. */
export function withFields(page, schema) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/pipeline.md: expected the lines ${begin} and ${end}`);
  const rows = fields(schema).map(({ path, type, otherwise, description }) =>
    `| ${[`\`${path}\``, type, otherwise, description].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll(
      '  |',
      ' |',
    ),
  );
  const table = ['| field | takes | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
  return `${page.slice(0, from + begin.length)}\n\n${table}\n\n${page.slice(to)}`;
}

/** Every field of an object schema, each once, depth first. */
export function fields(schema, prefix = '') {
  const found = new Map();
  for (const option of options(schema))
    for (const [name, field] of Object.entries(option.properties ?? {})) {
      const path = `${prefix}${name}`;
      const required = options(schema).every((other) => other.required?.includes(name));
      found.set(path, found.get(path) ?? row(path, field, required));
      for (const inner of fields(field, `${path}.`)) found.set(inner.path, found.get(inner.path) ?? inner);
    }
  return [...found.values()];
}

const options = (schema) => schema.anyOf ?? [schema];

function row(path, field, required) {
  const shown = field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``;
  const otherwise = shown === '`{}`' ? '' : shown || (required ? 'required' : '');
  return { path, type: typeText(field), otherwise, description: field.description ?? '' };
}

function typeText(field) {
  if (field.anyOf) return field.anyOf.map(typeText).join(' or ');
  if (field.const !== undefined) return `\`${field.const}\``;
  if (field.enum) return field.enum.map((value) => `\`${value}\``).join(', ');
  if (field.type === 'array')
    return Array.isArray(field.items)
      ? `[${field.items.map(typeText).join(', ')}]`
      : `list of ${typeText(field.items)}`;
  if (field.type === 'object') {
    const names = Object.keys(field.properties ?? {});
    return names.length > 0 ? `{ ${names.join(', ')} }` : 'map';
  }
  if (field.type === 'string') return 'text';
  return field.type === 'integer' || field.type === 'number' ? numberText(field) : field.type;
}

function numberText({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const known = (bound) => bound !== undefined && !LARGEST.includes(bound);
  const bounds = [
    known(minimum) && `from ${minimum}`,
    known(exclusiveMinimum) && `above ${exclusiveMinimum}`,
    known(maximum) && `to ${maximum}`,
    known(exclusiveMaximum) && `below ${exclusiveMaximum}`,
  ].filter(Boolean);
  return [type === 'integer' ? 'whole number' : 'number', ...bounds].join(' ');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { pipelineJsonSchema } = await import('../dist/pipelines/spec.js');
  const schema = pipelineJsonSchema();
  writeFileSync(join(root, 'schemas/pipeline.schema.json'), schemaFile(schema));
  const page = join(root, 'docs/pipeline.md');
  writeFileSync(page, withFields(readFileSync(page, 'utf8'), schema));
}
