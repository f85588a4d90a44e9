import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import { hasReference, isReference } from '../../support/secrets.js';
import { transformModules } from '../../transforms/transform-spec.js';

/**
 * What a pipeline from elsewhere would do on this machine besides its own computing: run modules, ask services, and
 * read secrets. One line each, with the field.
 */
export function foreignParts(spec: PipelineSpec): string[] {
  const lines: string[] = [];
  for (const { topic, path } of transformModules(spec.transform)) lines.push(`transform.${topic}: runs ${path}`);
  const walk = (value: unknown, field: string): void => {
    if (typeof value !== 'object' || value === null) return;
    if (isReference(value)) {
      lines.push(`${field}: reads ${'env' in value ? `the variable ${value.env}` : `the file ${value.file}`}`);
      return;
    }
    for (const [name, inner] of Object.entries(value)) {
      const place = field === '' ? name : `${field}.${name}`;
      if (typeof inner === 'string' && name === 'module') lines.push(`${place}: runs ${inner}`);
      else if (typeof inner === 'string' && /^[a-z][a-z0-9+.-]*:\/\//i.test(inner))
        lines.push(`${place}: asks ${inner}`);
      else if (typeof inner === 'string' && hasReference(inner)) lines.push(`${place}: reads ${inner}`);
      else walk(inner, place);
    }
  };
  // A run's topics become embedded where it is imported.
  const { topics: _, transform: __, ...rest } = spec;
  walk(rest, '');
  return lines;
}
