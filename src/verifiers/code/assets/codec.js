/**
 * Values as JSON and back, used on both sides. It keeps its own references to the built-ins, which the program may
 * patch later.
 */
export function createCodec() {
  const { parse, stringify } = JSON;
  const { getPrototypeOf, entries, defineProperty, keys } = Object;
  const { isArray, from } = Array;
  const views = {};
  for (const name of ['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float32', 'Float64'])
    views[`${name}Array`] = globalThis[`${name}Array`];
  for (const name of ['BigInt64Array', 'BigUint64Array']) views[name] = globalThis[name];
  const hasFunction = (value) => keys(value).some((key) => typeof value[key] === 'function');
  /** Own fields of a list besides its items, as a match of a regular expression has them; none that is a function. */
  const extras = (list) => {
    const names = keys(list); // The items come first.
    if (names.length === 0 || /^\d/.test(names[names.length - 1])) return [];
    return entries(list).filter(([name, value]) => !/^\d/.test(name) && typeof value !== 'function');
  };
  /** `keep` encodes what is no value: an object of a class, a function, a promise, an error. */
  const encode = (value, keep, depth = 0) => {
    if (depth > 500) throw new RangeError('the value is nested too deeply');
    const inner = (one) => encode(one, keep, depth + 1);
    if (value === undefined) return { u: 1 };
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'number')
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { n: Object.is(value, -0) ? '-0' : String(value) };
    if (typeof value === 'bigint') return { i: String(value) };
    if (typeof value !== 'object') return keep(value);
    const prototype = getPrototypeOf(value);
    if (isArray(value) && prototype === Array.prototype) {
      const items = from(value, (one, i) => (i in value ? inner(one) : { h: 1 }));
      const named = extras(value);
      return named.length === 0 ? items : { a: [items, named.map(([k, v]) => [k, inner(v)])] };
    }
    if ((prototype === Object.prototype || prototype === null) && !hasFunction(value))
      return { [prototype ? 'o' : 'O']: entries(value).map(([k, v]) => [k, inner(v)]) };
    if (prototype === Map.prototype) return { m: [...value].map(([k, v]) => [inner(k), inner(v)]) };
    if (prototype === Set.prototype) return { s: [...value].map(inner) };
    if (prototype === Date.prototype) return { d: inner(Number(value)) };
    if (prototype === RegExp.prototype) return { x: [value.source, value.flags] };
    if (prototype === ArrayBuffer.prototype) return { b: [...new Uint8Array(value)] };
    const name = prototype?.constructor?.name;
    if (views[name] && prototype === views[name].prototype) return { t: [name, from(value, inner)] };
    return keep(value);
  };
  const decode = (value, ref) => {
    if (value === null || typeof value !== 'object') return value;
    const inner = (one) => decode(one, ref);
    if (isArray(value)) {
      const list = new Array(value.length);
      value.forEach((one, i) => {
        if (one === null || one.h !== 1) list[i] = inner(one);
      });
      return list;
    }
    const [[kind, x]] = entries(value);
    if (kind === 'a') {
      const list = inner(x[0]);
      for (const [k, v] of x[1]) if (!(k in list)) define(list, k, inner(v));
      return list;
    }
    if (kind === 'u') return undefined;
    if (kind === 'n') return Number(x);
    if (kind === 'i') return BigInt(x);
    if (kind === 'm') return new Map(x.map(([k, v]) => [inner(k), inner(v)]));
    if (kind === 's') return new Set(x.map(inner));
    if (kind === 'd') return new Date(inner(x));
    if (kind === 'x') return new RegExp(x[0], x[1]);
    if (kind === 'b') return new Uint8Array(x).buffer;
    if (kind === 't' && Object.hasOwn(views, x[0])) return views[x[0]].from(x[1], inner);
    if (kind !== 'o' && kind !== 'O') return ref(kind, x);
    const object = kind === 'o' ? {} : Object.create(null);
    for (const [k, v] of x) define(object, k, inner(v));
    return object;
  };
  const define = (object, name, value, enumerable = true) =>
    defineProperty(object, name, { value, writable: true, enumerable, configurable: true });
  return { encode, decode, define, parse, stringify, entries, isArray, getPrototypeOf };
}
