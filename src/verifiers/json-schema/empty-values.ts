import { _, type Ajv, type KeywordCxt } from 'ajv';
import { alwaysValidSchema, mergeEvaluated } from 'ajv/dist/compile/util.js';

// Three keywords of ajv leave their result as it was if there is nothing to check: a tuple beyond the end of an array,
// the names of an object without properties, and `contains` of an empty array. It is then unset, so that the keywords
// behind are skipped, or that of the array before. In the code below the result is set first.

function validateTuple(context: KeywordCxt): void {
  const { gen, schema, data, keyword, it } = context;
  const parts: readonly unknown[] = schema;
  if (it.opts.unevaluated && parts.length > 0 && it.items !== true) {
    it.items = mergeEvaluated.items(gen, parts.length, it.items);
  }
  parts.forEach((_part, i) => {
    const valid = gen.let('valid', true);
    gen.if(_`${data}.length > ${i}`, () => {
      const fits = gen.name('_valid');
      context.subschema({ keyword, schemaProp: i, dataProp: i }, fits);
      gen.assign(valid, fits);
    });
    context.ok(valid);
  });
}

function validatePropertyNames(context: KeywordCxt): void {
  const { gen, schema, data, keyword, it } = context;
  if (alwaysValidSchema(it, schema)) return;
  const valid = gen.let('valid', true);
  gen.forIn('key', data, (key) => {
    context.setParams({ propertyName: key });
    const fits = gen.name('_valid');
    context.subschema({ keyword, data: key, dataTypes: ['string'], propertyName: key, compositeRule: true }, fits);
    gen.if(_`!${fits}`, () => {
      gen.assign(valid, false);
      context.error(true);
      gen.break();
    });
  });
  context.ok(valid);
}

/** Refuses an array that is too short before its items are counted. */
function validateLength(context: KeywordCxt): void {
  const { minContains, maxContains } = context.parentSchema;
  const min = context.it.opts.next ? (minContains ?? 1) : 1;
  context.setParams({ min, max: maxContains });
  if (min > 0) context.fail(_`${context.data}.length < ${min}`);
}

const has = ({ data }: KeywordCxt, name: string) => _`Object.prototype.hasOwnProperty.call(${data}, ${name})`;

/** ajv takes a missing property whose name is empty for none. */
function validateRequired(context: KeywordCxt): void {
  const names: readonly string[] = context.schema;
  for (const name of names) {
    context.setParams({ missingProperty: name });
    context.fail(_`!${has(context, name)}`);
  }
}

function validateDependentRequired(context: KeywordCxt): void {
  const needs: Readonly<Record<string, readonly string[]>> = context.schema;
  for (const [property, names] of Object.entries(needs)) {
    for (const name of names) {
      context.setParams({ property, depsCount: names.length, deps: names.join(', '), missingProperty: name });
      context.fail(_`${has(context, property)} && !${has(context, name)}`);
    }
  }
}

/** Mends the keywords that let short arrays and empty objects skip others. */
export function checkEmptyValues(engine: Ajv): void {
  for (const rule of engine.RULES.rules.flatMap(({ rules }) => rules)) {
    const { code } = rule.definition as { code: (context: KeywordCxt, type?: string) => void };
    const replace = (mended: (context: KeywordCxt, type?: string) => void) => {
      rule.definition = { ...rule.definition, code: mended };
    };
    if (rule.keyword === 'required') replace(validateRequired);
    if (rule.keyword === 'dependentRequired') replace(validateDependentRequired);
    if (rule.keyword === 'prefixItems') replace(validateTuple);
    if (rule.keyword === 'propertyNames') replace(validatePropertyNames);
    if (rule.keyword === 'contains') {
      replace((context, type) => {
        validateLength(context);
        code(context, type);
      });
    }
    if (rule.keyword === 'items') {
      replace((context, type) => (Array.isArray(context.schema) ? validateTuple(context) : code(context, type)));
    }
  }
}
