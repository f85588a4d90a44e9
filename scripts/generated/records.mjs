// Writes src/records/records.ts from schemas/*.avsc, so that the TypeScript types follow from the contract.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PRIMITIVES = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'bigint',
  float: 'number',
  double: 'number',
  bytes: 'Uint8Array',
  string: 'string',
};

export function recordTypes() {
  const files = readdirSync(join(root, 'schemas'))
    .filter((f) => f.endsWith('.avsc'))
    .sort();
  const declared = new Map();
  const comment = (doc, indent) => {
    if (!doc) return '';
    const line = `${indent}/** ${doc} */\n`;
    if (line.length <= 121) return line;
    const lines = [''];
    for (const word of doc.split(' '))
      if (lines.at(-1).length + word.length + indent.length + 4 > 120) lines.push(` ${word}`);
      else lines.push(`${lines.pop()} ${word}`);
    return `${indent}/**\n${lines.map((text) => `${indent} *${text}\n`).join('')}${indent} */\n`;
  };

  const typeOf = (schema) => {
    if (Array.isArray(schema))
      return schema
        .map(typeOf)
        .sort((a, b) => (a === 'null') - (b === 'null'))
        .join(' | ');
    if (typeof schema === 'string') return PRIMITIVES[schema] ?? schema;
    if (schema.logicalType === 'timestamp-millis') return 'number';
    if (schema.type === 'array') return `readonly ${typeOf(schema.items)}[]`;
    if (schema.type === 'map') return `Readonly<Record<string, ${typeOf(schema.values)}>>`;
    if (schema.type === 'enum' || schema.type === 'record') {
      const text = declaration(schema);
      const before = declared.get(schema.name);
      if (before && before !== text) throw new Error(`${schema.name} is defined twice with different fields`);
      declared.set(schema.name, text);
      return schema.name;
    }
    return PRIMITIVES[schema.type];
  };
  const declaration = (schema) => {
    if (schema.type === 'enum')
      return (
        `${comment(schema.doc, '')}export type ${schema.name} = ` +
        `${schema.symbols.map((s) => `'${s}'`).join(' | ')};\n`
      );
    const fields = schema.fields.map((f) => `${comment(f.doc, '  ')}  readonly ${f.name}: ${typeOf(f.type)};\n`);
    return `${comment(schema.doc, '')}export interface ${schema.name} {\n${fields.join('')}}\n`;
  };

  const topics = files.map((file) => {
    const schema = JSON.parse(readFileSync(join(root, 'schemas', file), 'utf8'));
    return `  ${JSON.stringify(basename(file, '.avsc'))}: ${typeOf(schema)};\n`;
  });
  return [
    '// Made from schemas/*.avsc by `npm run records`; edit the schemas instead.\n',
    ...declared.values(),
    `/** The record type of each topic. */\nexport interface TopicRecords {\n${topics.join('')}}\n`,
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(root, 'src/records/records.ts'), recordTypes());
}
