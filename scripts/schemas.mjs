// Compares schemas/*.avsc with the schemas of the last release: each must be able to read what the other wrote.
// `npm run schemas` prints every break and exits with 1 if there is one. `npm run schemas release`, a step of a
// release, stores the current schemas as those of the version in package.json.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import avro from 'avsc';

const root = fileURLToPath(new URL('../schemas', import.meta.url));

/** The releases in schemas/released, the oldest first. */
export function releases(folder = root) {
  const byNumber = (a, b) => a.localeCompare(b, 'en', { numeric: true });
  return readdirSync(join(folder, 'released')).sort(byNumber);
}

/** One line per break between the current schemas and those of the last release. */
export function breaks(folder = root) {
  const last = releases(folder).at(-1);
  const released = join(folder, 'released', last);
  return readdirSync(released).flatMap((file) => {
    const topic = basename(file, '.avsc');
    if (!existsSync(join(folder, file))) return [`topic ${topic}: its schema is gone, but was released in ${last}`];
    return breaksBetween(topic, read(join(folder, file)), read(join(released, file)), last);
  });
}

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));

export function breaksBetween(topic, current, released, release) {
  // Otherwise names of earlier types would clash.
  const [now, before] = [current, released].map((schema) => avro.Type.forSchema(schema, { wrapUnions: 'never' }));
  return [
    ...unreadable(now, before).map((why) => `topic ${topic}: this version cannot read records of ${release}: ${why}`),
    ...unreadable(before, now).map((why) => `topic ${topic}: ${release} cannot read records of this version: ${why}`),
  ];
}

/** Why a reader cannot read what a writer writes, field by field; empty where it can. */
function unreadable(reader, writer) {
  try {
    reader.createResolver(writer);
    return [];
  } catch (error) {
    const written = new Map(writer.fields.map((field) => [field.name, field]));
    const fields = reader.fields.flatMap((field) => {
      const source = [field.name, ...field.aliases].map((name) => written.get(name)).find(Boolean);
      if (!source) {
        return field.defaultValue() === undefined ? [`field ${field.name} has no default and was not written`] : [];
      }
      try {
        field.type.createResolver(source.type);
        return [];
      } catch (reason) {
        return [`field ${field.name}: ${reason.message}`];
      }
    });
    return fields.length > 0 ? fields : [error.message];
  }
}

function release() {
  const { version } = read(fileURLToPath(new URL('../package.json', import.meta.url)));
  const folder = join(root, 'released', version);
  if (existsSync(folder)) {
    throw new Error(`${folder} is there already; remove it first if ${version} was never published`);
  }
  mkdirSync(folder);
  for (const file of readdirSync(root).filter((name) => name.endsWith('.avsc'))) {
    copyFileSync(join(root, file), join(folder, file));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'release') release();
  const found = breaks();
  for (const line of found) console.error(line);
  if (found.length === 0) console.log(`schemas: compatible with ${releases().at(-1)}, both ways`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
