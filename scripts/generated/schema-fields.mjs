// Fields of a JSON Schema as rows of a Markdown table.
const LARGEST = [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER];

/** Every field of an object schema, each once, depth first. */
export function fields(schema, prefix = '') {
  const found = new Map();
  for (const option of options(schema))
    for (const [name, field] of Object.entries(option.properties ?? {})) {
      const path = `${prefix}${name}`;
      const required = options(schema).every((other) => other.required?.includes(name));
      found.set(path, found.get(path) ?? row(path, field, required));
      // A field with a comment is documented on another page.
      const inside = field.$comment === undefined ? fields(field, `${path}.`) : [];
      for (const inner of inside) found.set(inner.path, found.get(inner.path) ?? inner);
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
  if (field.$comment !== undefined) return field.$comment;
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

/** A Markdown table. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll('  |', ' |');
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}
